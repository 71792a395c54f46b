"""Azure's Resource Manager over plain HTTPS: a token for each tenant, one way to make a call, refusals in words.

The handful of calls that runs need does not warrant Azure's own SDKs, which block and bring their own HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from engine.cloud import Cloud
from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient

AUTHORITY = "https://login.microsoftonline.com"
MANAGEMENT = "https://management.azure.com"
Query = Mapping[str, str]
COMPUTE: Query = {"api-version": "2024-07-01"}
"""The version of the compute API that is spoken here."""

VIEW: Query = {**COMPUTE, "$expand": "instanceView"}

SLOW_DOWN = timedelta(seconds=10)
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_RENEW_BEFORE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureApp:
    """Our registered application. `authority` and `management` differ from Azure's own for the sandbox only."""

    client_id: str = ""
    secret: str = field(default="", repr=False)
    tenant_id: str = ""
    authority: str = AUTHORITY
    management: str = MANAGEMENT


class Answer(Exception):
    """What Azure answered instead of doing it: HTTP status, its code and words."""

    def __init__(self, status: int, code: str, message: str, retry_after: timedelta | None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: datetime


class Arm:
    """Calls to Azure as our application. Needs an event loop at its first call."""

    def __init__(self, app: AzureApp) -> None:
        self._app = app
        self._http: aiohttp.ClientSession | None = None
        self._tokens: dict[str, _Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def get(self, cloud: Cloud, path: str, query: Query = COMPUTE, *, absent: bool = False) -> Any:
        """The document at this path; None when there is none and `absent` says that this may be."""
        return await self._call(cloud, "GET", path, query, absent=absent)

    async def pages(self, cloud: Cloud, path: str, query: Query = COMPUTE) -> list[Any]:
        """Everything in a list that comes in pages."""
        found: list[Any] = []
        page = await self.get(cloud, path, query)
        while True:
            found += page.get("value", [])
            more = str(page.get("nextLink") or "")
            if not more.startswith(self._app.management + "/") or len(found) > 10_000:
                return found
            page = await self._call(cloud, "GET", more.removeprefix(self._app.management), {})

    async def put(self, cloud: Cloud, path: str, body: Mapping[str, Any]) -> Any:
        """Raises Ambiguous when it may have been taken."""
        return await self._call(cloud, "PUT", path, COMPUTE, body=body, sending=True)

    async def delete(self, cloud: Cloud, path: str) -> None:
        await self._call(cloud, "DELETE", path, COMPUTE, absent=True)

    async def _call(
        self,
        cloud: Cloud,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        absent: bool = False,
        sending: bool = False,
    ) -> Any:
        token = await self.token(cloud)
        try:
            return await self._once(method, path, query, token, body, sending=sending)
        except Answer as answer:
            if answer.status == 404 and absent and "NotFound" in answer.code:
                return None
            if answer.status == 401:
                self._tokens.pop(self._tenant(cloud), None)
            raise refusal(answer, cloud, sending=sending) from answer

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        token: str,
        body: Mapping[str, Any] | None,
        *,
        sending: bool,
    ) -> Any:
        url = self._app.management + path
        try:
            async with self._session().request(
                method,
                url,
                params=query or None,
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
            ) as response:
                document = await _document(response)
                if response.status < 300:
                    return document
                raise _answer(response, document)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Transient("Azure could not be reached. Check the network of this program.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            text = "Azure did not answer."
            raise (Ambiguous(text) if sending else Transient(text)) from error

    async def token(self, cloud: Cloud) -> str:
        """A token for the company's tenant, kept until shortly before its end."""
        tenant = self._tenant(cloud)
        if not (self._app.client_id and self._app.secret and tenant):
            raise Permanent(
                "This program has no Azure application of its own, so it cannot act in any subscription: "
                "set AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
            )
        async with self._locks.setdefault(tenant, asyncio.Lock()):
            kept = self._tokens.get(tenant)
            if kept is None or datetime.now(UTC) >= kept.renew_at:
                kept = self._tokens[tenant] = await self._fetch_token(tenant)
            return kept.text

    def _tenant(self, cloud: Cloud) -> str:
        return cloud.tenant_id or self._app.tenant_id

    async def _fetch_token(self, tenant: str) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._app.client_id,
            "client_secret": self._app.secret,
            "scope": f"{MANAGEMENT}/.default",
        }
        url = f"{self._app.authority}/{tenant}/oauth2/v2.0/token"
        try:
            async with self._session().post(url, data=form, allow_redirects=False) as response:
                document = await _document(response)
                if response.status != 200:
                    raise _no_token(response.status, document, tenant)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Transient(
                "Azure's sign-in could not be reached. Check the network of this program."
            ) from error
        lasts = timedelta(seconds=int(document.get("expires_in", 0)))
        return _Token(str(document["access_token"]), datetime.now(UTC) + lasts - _RENEW_BEFORE)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True, middlewares=(_never_twice,))
        return self._http


async def _never_twice(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """aiohttp by itself sends a PUT again over a new connection when the old one breaks; here that is a doubt, which is
    looked up."""
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method != "PUT":
            raise
        raise Ambiguous("Azure did not answer.") from error


async def _document(response: aiohttp.ClientResponse) -> dict[str, Any]:
    if response.content_type != "application/json":
        await response.read()
        return {}
    found = await response.json()
    return found if isinstance(found, dict) else {}


def _answer(response: aiohttp.ClientResponse, document: Mapping[str, Any]) -> Answer:
    said = document.get("error")
    error: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    wait = response.headers.get("Retry-After", "")
    retry = timedelta(seconds=min(int(wait), 600)) if wait.isascii() and wait.isdigit() else None
    return Answer(response.status, str(error.get("code", "")), str(error.get("message", "")), retry)


_SIGN_IN = {
    "AADSTS7000215": "Azure does not accept AZURE_CLIENT_SECRET: it is wrong or was replaced.",
    "AADSTS7000222": "AZURE_CLIENT_SECRET has expired: make a new one for the application.",
    "AADSTS700016": "The application {client} is unknown in the tenant {tenant}: an admin there has to consent to it.",
    "AADSTS90002": "There is no Azure tenant {tenant}. Correct it in the company's settings.",
}


def _no_token(status: int, document: Mapping[str, Any], tenant: str) -> AlertWhispererError:
    text = str(document.get("error_description", ""))
    if status == 429 or status >= 500:
        return Transient("Azure's sign-in asks us to slow down.", retry_after=SLOW_DOWN)
    words = next((words for code, words in _SIGN_IN.items() if code in text), "")
    if not words:
        first = (text.splitlines() or [str(document.get("error", status))])[0][:200]
        return Permanent(
            f"Azure does not let our application sign in to the tenant {tenant}: “{first[:80]}”."
        )
    return Permanent(words.format(tenant=tenant, client="of AZURE_CLIENT_ID"))


def refusal(answer: Answer, cloud: Cloud, *, sending: bool) -> AlertWhispererError:
    """The error behind an answer of Azure; `sending`: the call starts something on a machine."""
    where = f"subscription {cloud.subscription_id}"
    if answer.status == 429 or answer.code in ("TooManyRequests", "SubscriptionRequestsThrottled"):
        wait = answer.retry_after or SLOW_DOWN
        return Transient("Azure asks us to slow down; trying again in a moment.", retry_after=wait)
    if answer.status >= 500:
        text = "Azure has a fault of its own just now."
        return Ambiguous(text) if sending else Transient(text, retry_after=answer.retry_after)
    if answer.status == 401 and "Tenant" not in answer.code:
        return Transient(f"The Azure session for {where} had run out; taking a new one.")
    if answer.code == "AuthorizationFailed":
        action = _action(answer.message)
        return Permanent(f"We may not do {action} in {where}: assign the role of `aw company access` there.")
    known = _KNOWN.get(answer.code)
    if known:
        return Permanent(known.format(where=where, said=answer.message[:80].rstrip(". ")))
    said = answer.message[:80].rstrip(". ") or answer.code or str(answer.status)
    if answer.code in _OUR_FAULT:
        return Permanent(f"Azure did not understand this program: “{said}”. Report it to whoever runs it.")
    return Permanent(
        f"Azure refused it: “{said}” ({answer.code or answer.status}). Look it up in Azure's documentation."
    )


_OUR_FAULT = frozenset(
    {"InvalidParameter", "InvalidResource", "MethodNotAllowed", "MissingApiVersionParameter"}
)


_KNOWN = {
    "SubscriptionNotFound": "Azure shows our application no {where}. Check the subscription, its tenant and our role.",
    "InvalidAuthenticationTokenTenant": "The {where} belongs to another tenant. Correct it in the company's settings.",
    "ResourceGroupNotFound": "The machine's resource group is not in {where}. Correct the inventory.",
    "ResourceNotFound": "The machine is not in {where}. Correct the inventory.",
    "Conflict": "Azure is changing that machine just now. Run it again when that is done.",
    "OperationNotAllowed": "Azure does not allow it on that machine now: “{said}”. Start it, or clear its commands.",
    "InvalidApiVersionParameter": "Azure no longer speaks the version of its API that this program uses: update this "
    "program.",
    "InvalidResourceLocation": "The machine has moved to another region. Run it again.",
    "RequestContentTooLarge": "The script is too long for Azure's Run Command. Shorten it.",
}


def _action(message: str) -> str:
    """The action that Azure names in its refusal."""
    _, _, rest = message.partition("perform action '")
    return rest.partition("'")[0] or "that"
