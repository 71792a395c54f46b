"""The HTTP face of the pretend Azure: sign-in at /azure/login, the Resource Manager at /azure/arm."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.azure.commands import RunCommand
from sandbox.azure.config import Subscription
from sandbox.azure.world import ACTIONS, AzureWorld, Vm
from sandbox.faults import Do, Fault
from sandbox.world import World

PREFIX = "/azure"
VERSIONS = ("2023-03-01", "2023-09-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01", "2026-04-01")
LARGEST_SCRIPT = 256 * 1024
MOST_COMMANDS = 25
"""Run commands on one machine."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


def mount(app: web.Application, world: World) -> None:
    """Adds /azure; starts and stops its machines with the app."""
    azure = world.azure
    if azure is None:
        return
    face = _Face(azure)
    app.router.add_post(PREFIX + "/login/{tenant}/oauth2/v2.0/token", face.sign_in)
    app.router.add_route("*", PREFIX + "/arm/{path:.*}", face.call)

    async def start(_: web.Application) -> None:
        await azure.start()

    async def stop(_: web.Application) -> None:
        await azure.stop()

    app.on_startup.append(start)
    app.on_cleanup.append(stop)


class _Face:
    def __init__(self, azure: AzureWorld) -> None:
        self._azure = azure

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        form, tenant = await request.post(), request.match_info["tenant"]
        fault = self._azure.faults.take("azure", "SignIn")
        if fault is not None:
            return await _suffer(fault, request, lambda: self._token(tenant, form))
        return await self._token(tenant, form)

    async def _token(self, tenant: str, form: Mapping[str, Any]) -> web.Response:
        config = self._azure.config
        tenants = {one.tenant_id.lower() for one in config.subscriptions}
        if tenant.lower() not in tenants:
            return _no_token(400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        if form.get("client_id") != config.client_id:
            text = f"AADSTS700016: Application '{form.get('client_id')}' was not found in the directory."
            return _no_token(400, "unauthorized_client", text)
        if not secrets.compare_digest(str(form.get("client_secret", "")), config.client_secret):
            return _no_token(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if (form.get("grant_type"), form.get("scope")) != (
            "client_credentials",
            "https://management.azure.com/.default",
        ):
            return _no_token(400, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
        token, lasts = self._azure.sign_in(tenant)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": lasts, "ext_expires_in": lasts, "access_token": token}
        )

    async def call(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"].rstrip("/")
        try:
            operation, work = self._operation(request, path)
            fault = self._azure.faults.take("azure", operation)
            return await (work() if fault is None else _suffer(fault, request, work))
        except Refusal as refusal:
            return _refused(refusal)

    def _operation(
        self, request: web.Request, path: str
    ) -> tuple[str, Callable[[], Awaitable[web.Response]]]:
        """What is asked, after everything that is checked of any call."""
        tenant = self._caller(request)
        parts = path.strip("/").split("/")
        lower = [part.lower() for part in parts]
        if len(parts) < 2 or lower[0] != "subscriptions":
            raise Refusal(404, "InvalidResource", f"There is nothing at {path}.")
        subscription = next((one for one in self._azure.config.subscriptions if one.id == lower[1]), None)
        if subscription is None:
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{parts[1]}' could not be found.")
        if subscription.tenant_id.lower() != tenant:
            raise Refusal(
                401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."
            )
        if self._azure.throttled():
            raise Refusal(
                429, "TooManyRequests", "The request is being throttled as the limit has been reached.", 2
            )
        _check_version(request, path)
        rest, whole = lower[2:], f"/subscriptions/{subscription.id}"
        if rest == ["providers", "microsoft.authorization", "permissions"]:
            self._demand(subscription, "Microsoft.Authorization/permissions/read", whole)
            return "ListPermissions", lambda: self._permissions(subscription)
        if rest == ["providers", "microsoft.compute", "virtualmachines"]:
            self._demand(subscription, "Microsoft.Compute/virtualMachines/read", whole)
            return "ListVirtualMachines", lambda: self._list(subscription)
        is_vm = (
            len(rest) >= 6
            and rest[0] == "resourcegroups"
            and rest[2:5] == ["providers", "microsoft.compute", "virtualmachines"]
        )
        if not is_vm or len(rest) > 8 or (len(rest) > 6 and rest[6] != "runcommands"):
            raise Refusal(404, "InvalidResource", f"This sandbox offers nothing at {path}.")
        name = parts[9] if len(parts) > 9 else ""
        return self._on_machine(request, subscription, parts[:8], name, listing=len(parts) == 9)

    def _on_machine(
        self, request: web.Request, subscription: Subscription, parts: list[str], name: str, *, listing: bool
    ) -> tuple[str, Callable[[], Awaitable[web.Response]]]:
        path = "/" + "/".join(parts)
        method = request.method
        known = {
            ("GET", False, False): ("GetVirtualMachine", "virtualMachines/read"),
            ("GET", True, False): ("ListRunCommands", "virtualMachines/runCommands/read"),
            ("GET", False, True): ("GetRunCommand", "virtualMachines/runCommands/read"),
            ("PUT", False, True): ("PutRunCommand", "virtualMachines/runCommands/write"),
            ("DELETE", False, True): ("DeleteRunCommand", "virtualMachines/runCommands/delete"),
        }
        found = known.get((method, listing, bool(name)))
        if found is None:
            raise Refusal(405, "MethodNotAllowed", f"{method} is not allowed here.")
        operation, action = found
        self._demand(subscription, f"Microsoft.Compute/{action}", path)
        vm = self._vm(subscription, parts)
        view = request.query.get("$expand") == "instanceView"

        async def work() -> web.Response:
            match operation:
                case "GetVirtualMachine":
                    return web.json_response(vm.document(view=view))
                case "ListRunCommands":
                    found = [one.document(vm.path, view=view) for one in vm.commands.values()]
                    return web.json_response({"value": found})
                case "GetRunCommand":
                    command = vm.commands.get(name)
                    if command is None:
                        raise _not_found(f"{vm.config.name}/runCommands/{name}", vm.config.resource_group)
                    return web.json_response(command.document(vm.path, view=view))
                case "PutRunCommand":
                    return self._put(vm, name, await request.json())
                case _:
                    return self._delete(vm, name)

        return operation, work

    def _put(self, vm: Vm, name: str, body: Mapping[str, Any]) -> web.Response:
        said = body.get("properties") or {}
        script = str((said.get("source") or {}).get("script") or "")
        timeout = said.get("timeoutInSeconds", 5400)
        if not _NAME.fullmatch(name):
            raise Refusal(
                400, "InvalidParameter", f"The value '{name}' of parameter 'runCommandName' is not valid."
            )
        if str(body.get("location", "")).lower() != vm.config.location.lower():
            raise Refusal(
                409,
                "InvalidResourceLocation",
                f"The resource '{name}' is to be in location '{vm.config.location}'.",
            )
        if not script:
            raise Refusal(400, "InvalidParameter", "Required parameter 'source' is missing (null).")
        if len(script) > LARGEST_SCRIPT:
            raise Refusal(413, "RequestContentTooLarge", "The request content is too large.")
        if not isinstance(timeout, int) or not 1 <= timeout <= 86_400:
            raise Refusal(400, "InvalidParameter", "The value of parameter 'timeoutInSeconds' is invalid.")
        if vm.power != "running":
            raise Refusal(
                409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running."
            )
        before = vm.commands.get(name)
        if before is not None and not before.finished:
            raise Refusal(
                409, "Conflict", f"The request failed due to conflict with a concurrent request on '{name}'."
            )
        if before is None and len(vm.commands) >= MOST_COMMANDS:
            text = f"The maximum number of run commands ({MOST_COMMANDS}) on the VM has been reached."
            raise Refusal(409, "OperationNotAllowed", text)
        command = RunCommand(
            name=name,
            location=vm.config.location,
            script=script,
            timeout=timeout,
            tags=dict(body.get("tags") or {}),
            executions=before.executions if before else 0,
        )
        self._azure.begin(vm, command)
        return web.json_response(command.document(vm.path, view=False), status=200 if before else 201)

    def _delete(self, vm: Vm, name: str) -> web.Response:
        command = vm.commands.get(name)
        if command is None:
            return web.Response(status=204)
        self._azure.remove(vm, command)
        return web.Response(status=202)

    async def _permissions(self, subscription: Subscription) -> web.Response:
        actions = [one for one in ACTIONS if one not in self._azure.denied[subscription.id]]
        granted = {"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}
        return web.json_response({"value": [granted]})

    async def _list(self, subscription: Subscription) -> web.Response:
        found = [
            vm.document(view=False) for vm in self._azure.vms.values() if vm.subscription is subscription
        ]
        return web.json_response({"value": found})

    def _caller(self, request: web.Request) -> str:
        """The tenant of the token."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        known = self._azure.signed_in(token) if kind == "Bearer" else None
        if known is None:
            raise Refusal(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if known[1]:
            raise Refusal(
                401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now."
            )
        return known[0]

    def _demand(self, subscription: Subscription, action: str, scope: str) -> None:
        self._azure.asked.add(action)
        if action in self._azure.denied[subscription.id]:
            raise Refusal(
                403,
                "AuthorizationFailed",
                f"The client '{self._azure.config.client_id}' with object id 'b1f5' does not have authorization to "
                f"perform action '{action}' over scope '{scope}' or the scope is invalid.",
            )

    def _vm(self, subscription: Subscription, parts: list[str]) -> Vm:
        vm = self._azure.vms.get(("/" + "/".join(parts)).lower())
        if vm is not None:
            return vm
        group = parts[3]
        groups = {one.resource_group.lower() for one in subscription.vms}
        if group.lower() not in groups:
            raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        raise _not_found(parts[7], group)


def _not_found(name: str, group: str) -> Refusal:
    what = f"The Resource 'Microsoft.Compute/virtualMachines/{name}' under resource group '{group}'"
    return Refusal(404, "ResourceNotFound", f"{what} was not found.")


def _check_version(request: web.Request, path: str) -> None:
    version = request.query.get("api-version", "")
    if not version:
        raise Refusal(
            400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required."
        )
    known = ("2022-04-01",) if "microsoft.authorization" in path.lower() else VERSIONS
    if version not in known:
        raise Refusal(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(known)}'.",
        )


def _refused(refusal: Refusal) -> web.Response:
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    body = {"error": {"code": refusal.code, "message": refusal.message}}
    return web.json_response(body, status=refusal.status, headers=headers)


def _no_token(status: int, error: str, text: str) -> web.Response:
    return web.json_response({"error": error, "error_description": text}, status=status)


async def _suffer(
    fault: Fault, request: web.Request, work: Callable[[], Awaitable[web.Response]]
) -> web.Response:
    match Do(fault.do):
        case Do.STATUS:
            raise Refusal(fault.status, "InternalServerError", "Encountered internal server error.")
        case Do.RATELIMITED:
            raise Refusal(429, "TooManyRequests", "The request is being throttled.", fault.retry_after)
        case Do.ERROR:
            raise Refusal(fault.status, fault.error, "Scripted by the sandbox.")
        case Do.SLOW:
            await asyncio.sleep(fault.seconds)
            return await work()
        case Do.HANG:
            await asyncio.sleep(fault.seconds)
        case Do.LOST_REPLY:
            await work()
        case Do.RESET:
            pass
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
