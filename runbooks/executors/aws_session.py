"""Acting as a company's role: assumed sessions, their clients, and one way to make a call. boto3, in threads.

The role is assumed with the company's external id; its session's name, tags and source identity name the run and the
person behind it, so that the client's CloudTrail does too. A role whose trust policy does not allow tags or a source
identity is used without them, and it is remembered for a while that it does not.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from runbooks.executors import aws_words as words
from runbooks.ports import Order

SESSION = timedelta(hours=1)
"""The longest session that AWS gives to a role assumed from another role."""

_RENEW_BEFORE = timedelta(minutes=5)
_REMEMBERED_SESSIONS = 128
_SESSION_NAME_LIMIT = 64
_NOT_IN_AN_IDENTITY = re.compile(r"[^A-Za-z0-9_+=,.@-]+")
_EXTRAS = {"sts:TagSession": "Tags", "sts:SetSourceIdentity": "SourceIdentity"}
"""What a trust policy has to allow beside sts:AssumeRole → the argument that needs it."""

_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """One assumed role. Clients by service are made as they are needed; `sender` never retries by itself."""

    sender: Any
    reader: Any
    renew_at: datetime
    credentials: Mapping[str, Any]
    others: dict[str, Any]

    def close(self) -> None:
        """Closes idle connections; a call under way in another thread ends as it would have."""
        for client in (self.sender, self.reader, *self.others.values()):
            client.close()


class Sessions:
    """`named`: say who is behind a run in session tags and source identity, where the role allows it. Blocking."""

    def __init__(self, *, named: bool, connections: int) -> None:
        self._named = named
        self._connections = connections
        self._lock = threading.Lock()
        self._boto: Any = None
        self._sts: dict[str, Any] = {}
        self._kept: OrderedDict[_Key, Session] = OrderedDict()
        self._refused: dict[tuple[str, str], datetime] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def close(self) -> None:
        with self._lock:
            for client in (*self._kept.values(), *self._sts.values()):
                client.close()
            self._kept.clear()
            self._sts.clear()

    def of(self, order: Order) -> Session:
        """Clients that act as the company's role in the name of this run, until shortly before expiry."""
        key = _key(order)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and datetime.now(UTC) < kept.renew_at:
                self._kept.move_to_end(key)
                return kept
        given = self._assume(order)["Credentials"]
        with self._lock:
            session = Session(
                sender=self._client("ssm", order.region, attempts=1, credentials=given),
                reader=self._client("ssm", order.region, attempts=2, credentials=given),
                renew_at=given["Expiration"].astimezone(UTC) - _RENEW_BEFORE,
                credentials=given,
                others={},
            )
            replaced = [self._kept.pop(key, None)]
            self._kept[key] = session
            while len(self._kept) > _REMEMBERED_SESSIONS:
                replaced.append(self._kept.popitem(last=False)[1])
        for old in replaced:
            if old is not None:
                old.close()
        return session

    def other(self, order: Order, service: str) -> Any:
        """A client of another service in that session."""
        session = self.of(order)
        with self._lock:
            if service not in session.others:
                made = self._client(service, order.region, attempts=2, credentials=session.credentials)
                session.others[service] = made
            return session.others[service]

    def forget(self, order: Order) -> None:
        with self._lock:
            self._kept.pop(_key(order), None)

    def refuses(self, role_arn: str) -> tuple[str, ...]:
        """What this role's trust policy was seen not to allow of late, such as sts:TagSession."""
        now = datetime.now(UTC)
        return tuple(
            sorted(what for (arn, what), until in self._refused.items() if arn == role_arn and until > now)
        )

    def _assume(self, order: Order) -> Any:
        role = order.cloud.role_arn
        while True:
            refused = self.refuses(role)
            named = self._names(order) if self._named else {}
            for what in refused:
                named.pop(_EXTRAS[what], None)
            try:
                return self._assume_once(order, named)
            except _NotAllowed as error:
                if _EXTRAS[error.what] not in named:
                    raise Permanent(str(error)) from error
                self._refused[role, error.what] = datetime.now(UTC) + SESSION

    def _assume_once(self, order: Order, named: Mapping[str, Any]) -> Any:
        from botocore.exceptions import ClientError

        with self._lock:
            sts = self._client_of_sts(order.region)
        try:
            return self.call(
                order,
                "AssumeRole",
                sts.assume_role,
                RoleArn=order.cloud.role_arn,
                RoleSessionName=order.session_name[:_SESSION_NAME_LIMIT],
                ExternalId=order.cloud.external_id,
                DurationSeconds=int(SESSION.total_seconds()),
                **named,
            )
        except Permanent as error:
            cause = error.__cause__
            said = (
                str(cause.response.get("Error", {}).get("Message", ""))
                if isinstance(cause, ClientError)
                else ""
            )
            what = next((one for one in _EXTRAS if one in said), None)
            if what is None:
                raise
            raise _NotAllowed(what, str(error)) from error

    def _names(self, order: Order) -> dict[str, Any]:
        tags = [{"Key": name, "Value": value} for name, value in order.session_tags.items()]
        named: dict[str, Any] = {"Tags": tags} if tags else {}
        identity = source_identity(order.approver)
        return named | ({"SourceIdentity": identity} if identity else {})

    def _client_of_sts(self, region: str) -> Any:
        if region not in self._sts:
            self._sts[region] = self._client("sts", region, attempts=2)
        return self._sts[region]

    def _client(
        self, name: str, region: str, *, attempts: int, credentials: Mapping[str, Any] | None = None
    ) -> Any:
        """A client; made under the lock: boto3's clients are safe in threads, its sessions are not."""
        import boto3.session
        from botocore.config import Config

        if self._boto is None:
            self._boto = boto3.session.Session()
        keys: dict[str, str] = {}
        if credentials is not None:
            keys = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
        config = Config(
            connect_timeout=3,
            read_timeout=5,
            max_pool_connections=self._connections,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        return self._boto.client(name, region_name=region, config=config, **keys)

    def call(
        self,
        order: Order,
        name: str,
        method: Callable[..., Any],
        *,
        sending: bool = False,
        absent: tuple[str, ...] = (),
        **arguments: Any,
    ) -> Any:
        """One call; every failure as one of our own errors. A code in `absent` gives None."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return method(**arguments)
        except ClientError as error:
            said = error.response.get("Error", {})
            code = str(said.get("Code", ""))
            if code in absent:
                return None
            if name != "AssumeRole" and code in ("ExpiredToken", "ExpiredTokenException"):
                self.forget(order)
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            message = str(said.get("Message", ""))
            raise words.refusal(name, code, message, status, order, sending=sending) from error
        except BotoCoreError as error:
            raise translated(error, name, sending=sending) from error


class _NotAllowed(Exception):
    """The trust policy allows the role, and not `what` beside it."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(text)
        self.what = what


def _key(order: Order) -> _Key:
    return (order.cloud.role_arn, order.cloud.external_id, order.session_name, order.region)


def source_identity(person: str) -> str:
    """The person as STS takes it: 2 to 64 characters; empty when too little is left of the name."""
    safe = _NOT_IN_AN_IDENTITY.sub("-", person).strip("-")[:64]
    return safe if len(safe) > 1 else ""


def translated(error: Exception, call: str, *, sending: bool) -> AlertWhispererError:
    """Our error for one that botocore raised without an answer from AWS."""
    from botocore import exceptions as theirs

    if isinstance(
        error, theirs.NoCredentialsError | theirs.PartialCredentialsError | theirs.CredentialRetrievalError
    ):
        return Permanent(
            "This program has no AWS credentials of its own: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
            "its machine a role."
        )
    if isinstance(error, theirs.ParamValidationError):
        return Permanent(
            f"AWS did not understand this program: “{str(error)[:80]}”. Report it to whoever runs it."
        )
    never_left = (theirs.EndpointConnectionError, theirs.ConnectTimeoutError, theirs.ProxyConnectionError)
    if isinstance(error, never_left):
        return Transient("AWS could not be reached. Check the network of this program.")
    if isinstance(error, theirs.UnknownRegionError | theirs.InvalidRegionError):
        return Permanent(f"AWS could not be called ({call}): {error}")
    if isinstance(error, theirs.SSLError) and not sending:
        return Permanent(f"AWS could not be called ({call}): {error}")
    text = "AWS did not answer."
    return Ambiguous(text) if sending else Transient(text)
