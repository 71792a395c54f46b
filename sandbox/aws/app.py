"""The HTTP face of the pretend Amazon: every service at /aws, told apart by the scope of its signature."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from aiohttp import web

from sandbox.aws import ses, ssm
from sandbox.aws.sigv4 import Scope, Signed, read_scope, verify
from sandbox.aws.stores import TARGET_PREFIX
from sandbox.aws.wire import Refusal, Service, json_response, query_response, refusal_response
from sandbox.aws.world import AwsWorld
from sandbox.faults import Do, Fault
from sandbox.world import World

PREFIX = "/aws"
_LARGEST_BODY = 64 << 20
_THROTTLED = {
    Service.STS: ("Throttling", 400),
    Service.SSM: ("ThrottlingException", 400),
    Service.SES: ("TooManyRequestsException", 429),
    Service.S3: ("SlowDown", 503),
    Service.LOGS: ("ThrottlingException", 400),
}


def mount(app: web.Application, world: World) -> None:
    """Adds /aws, GET /_sandbox/machines and GET /_sandbox/mail; starts and stops the machines with the app."""
    aws = world.aws
    if aws is None:
        return
    face = _Face(aws)
    app.router.add_route("*", PREFIX, face.call)
    app.router.add_route("*", PREFIX + "/{rest:.*}", face.call)
    app.router.add_get("/_sandbox/machines", face.machines)
    app.router.add_get("/_sandbox/mail", face.mail)
    app.on_startup.append(face.start)
    app.on_cleanup.append(face.stop)


class _Face:
    def __init__(self, aws: AwsWorld) -> None:
        self._aws = aws

    async def start(self, _: web.Application) -> None:
        await self._aws.start()

    async def stop(self, _: web.Application) -> None:
        await self._aws.stop()

    async def machines(self, _: web.Request) -> web.Response:
        return web.json_response({"machines": [one.snapshot() for one in self._aws.machines.values()]})

    async def mail(self, _: web.Request) -> web.Response:
        return web.json_response({"mails": [mail.as_json() for mail in self._aws.mails]})

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One signed request: whose, which service, which operation; then the fault scripted for it, or its work."""
        scope = read_scope(request.headers.get("Authorization", ""))
        service = _service(scope, request)
        try:
            if scope is None or scope.service != service:
                raise Refusal(
                    "MissingAuthenticationToken" if service is Service.STS else "MissingAuthenticationTokenException",
                    "Missing Authentication Token", 403,
                )  # fmt: skip
            body = await _body(request)
            return await self._signed(request, service, scope, body)
        except Refusal as refusal:
            return refusal_response(service, refusal)

    async def _signed(
        self, request: web.Request, service: Service, scope: Scope, body: bytes
    ) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        signed = Signed(request.method, path, query, request.headers, body)
        caller = verify(signed, scope, self._aws.identities, self._aws.now())
        operation = _operation(service, request, body)
        if caller.is_session:
            self._aws.asked.add(f"{service}:{operation}")
        caller.demand(service, operation)

        async def work() -> web.Response:
            if service is Service.STS:
                return query_response(*self._aws.sts.answer(body, caller, self._aws.now()))
            if service is Service.S3:
                path = unquote(request.raw_path.partition("?")[0]).removeprefix(PREFIX + "/")
                found = self._aws.stores.get_object(caller, path)
                return web.Response(body=found, headers={"Content-Type": "application/octet-stream"})
            if service is Service.LOGS:
                return json_response(service, self._aws.stores.get_log_events(caller, body))
            if service is Service.SSM:
                account = self._aws.ssm(caller.account, scope.region)
                return json_response(service, account.answer(operation, body))
            return json_response(service, self._aws.ses.answer(operation, body, scope.region))

        fault = self._aws.faults.take(service.value, operation)
        return await (work() if fault is None else _suffer(fault, service, request, work))


async def _suffer(
    fault: Fault, service: Service, request: web.Request, work: Callable[[], Awaitable[web.Response]]
) -> web.StreamResponse:
    match Do(fault.do):
        case Do.STATUS:
            raise Refusal("InternalFailure", "An internal error occurred.", fault.status)
        case Do.RATELIMITED:
            code, status = _THROTTLED[service]
            raise Refusal(code, "Rate exceeded", status)
        case Do.ERROR:
            raise Refusal(
                fault.error, "Scripted by the sandbox.", 403 if "AccessDenied" in fault.error else 400
            )
        case Do.SLOW:
            await asyncio.sleep(fault.seconds)
            return await work()
        case Do.HANG:
            await asyncio.sleep(fault.seconds)
        case Do.LOST_REPLY:
            await work()
        case Do.RESET:
            pass
    return _reset(request)


def _reset(request: web.Request) -> web.Response:
    """Drops the connection without a byte of answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _service(scope: Scope | None, request: web.Request) -> Service:
    """The service called; by what the request looks like when it is not signed for one of ours."""
    if scope is not None and scope.service in tuple(Service):
        return Service(scope.service)
    if "X-Amz-Target" in request.headers:
        return Service.SSM
    return Service.SES if request.path.startswith(PREFIX + "/v2/email") else Service.STS


def _operation(service: Service, request: web.Request, body: bytes) -> str:
    if service is Service.SSM:
        target = request.headers.get("X-Amz-Target", "")
        if not target.startswith(ssm.TARGET_PREFIX):
            raise Refusal("UnknownOperationException", f"{target} is not an operation of this service.")
        return target.removeprefix(ssm.TARGET_PREFIX)
    if service is Service.STS:
        found = re.search(rb"(?:^|&)Action=(\w+)", body)
        return found[1].decode() if found else ""
    if service is Service.LOGS:
        target = request.headers.get("X-Amz-Target", "")
        if target != TARGET_PREFIX + "GetLogEvents":
            raise Refusal("UnknownOperationException", f"{target} is not an operation of this service.")
        return "GetLogEvents"
    path = request.path.removeprefix(PREFIX)
    if service is Service.S3:
        if request.method != "GET" or path.count("/") < 2:
            raise Refusal("NotImplemented", f"This sandbox does not offer {request.method} {path}.", 501)
        return "GetObject"
    operation = ses.OPERATIONS.get((request.method, path))
    if operation is None:
        raise Refusal("NotFoundException", f"This sandbox does not offer {request.method} {path}.", 404)
    return operation


async def _body(request: web.Request) -> bytes:
    """The body, whatever the application's own limit: a mail may have 40 MB."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise Refusal("RequestEntityTooLarge", "Request body too large", 413)
    return bytes(body)
