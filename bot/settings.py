"""Every setting, and the only reader of the environment. docs/configuration.md describes each; a test compares."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from email.utils import getaddresses, parseaddr
from pathlib import Path
from typing import Annotated, Any

from cryptography.fernet import Fernet
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot.clock import Pace
from engine.errors import Permanent
from integrations.ai.regions import USUAL, profile

DEFAULT_DATABASE = "sqlite+aiosqlite:///alert-whisperer.db"
KEY_FILE = Path("alert-whisperer.key")


class WrongSetting(Permanent):
    """A setting has a value that cannot work; the text names it, says why, and how to mend it."""


class Settings(BaseModel):
    """One field per environment variable; the field's name is the variable's in lower case."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aw_database_url: str = DEFAULT_DATABASE
    aw_host: str = "127.0.0.1"
    aw_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    aw_public_url: str = ""
    aw_secret_key: SecretStr = SecretStr("")
    aw_log_level: str = "INFO"
    aw_log_format: str = "console"
    aw_sla_sweep_seconds: Annotated[int, Field(ge=5, le=86400)] = 300
    aw_dead_letter_days: Annotated[int, Field(ge=1, le=3650)] = 90
    aw_silence_max_days: Annotated[int, Field(ge=1, le=366)] = 30
    aw_storm_quiet_seconds: Annotated[int, Field(ge=5, le=86400)] = 300
    aw_runbook_dir: Path | None = None
    aw_sns_url: str = ""
    aw_ses_topic: Annotated[
        str, Field(pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+(\.fifo)?)?$")
    ] = ""
    aw_outbound_hosts: str = ""
    aw_webhook_secret: SecretStr = SecretStr("")
    aw_azure_url: str = ""
    aw_teams_url: str = ""
    aw_twilio_url: str = ""
    aw_email_from: str = ""
    aw_smtp_url: SecretStr = SecretStr("")
    aw_email_template_dir: Path | None = None
    aw_ai: str = "auto"
    aw_ai_model: str = ""
    aw_ai_price: str = ""
    aw_ai_stream: str = "off"
    aw_sandbox_port: Annotated[int, Field(ge=0, le=65535)] = 8090

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""

    aws_region: str = ""
    aws_default_region: str = ""

    anthropic_api_key: SecretStr = SecretStr("")
    anthropic_base_url: str = ""
    gemini_api_key: SecretStr = SecretStr("")

    azure_client_id: str = ""
    azure_client_secret: SecretStr = SecretStr("")
    azure_tenant_id: str = ""

    microsoft_app_id: str = ""
    microsoft_app_password: SecretStr = SecretStr("")
    microsoft_app_tenant_id: str = ""
    microsoft_app_type: str = "SingleTenant"

    slack_bot_token: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")
    slack_api_url: str = "https://slack.com/api/"
    aw_demo_clock: str = ""

    @field_validator("aw_log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("use DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("aw_log_format")
    @classmethod
    def _format(cls, value: str) -> str:
        if value not in ("console", "json"):
            raise ValueError("use console or json")
        return value

    @field_validator("aw_ai")
    @classmethod
    def _ai(cls, value: str) -> str:
        if value not in ("auto", "both", "bedrock", "anthropic", "gemini", "off"):
            raise ValueError("use auto, both, bedrock, anthropic, gemini or off")
        return value

    @field_validator("aw_ai_price")
    @classmethod
    def _price(cls, value: str) -> str:
        if value and not re.fullmatch(r"\d{1,4}(\.\d{1,4})?,\d{1,4}(\.\d{1,4})?", value):
            raise ValueError("use the dollars for a million tokens in and out, such as 1.00,5.00")
        return value

    @field_validator("aw_ai_stream")
    @classmethod
    def _in_pieces(cls, value: str) -> str:
        if value not in ("on", "off"):
            raise ValueError("use on or off")
        return value

    @field_validator("aw_ai_model")
    @classmethod
    def _models(cls, value: str) -> str:
        kinds = [_provider_of(name) for name in _split(value)]
        if len(kinds) != len(set(kinds)):
            raise ValueError("name at most one model of each provider: Bedrock, Anthropic, Gemini")
        return value

    @field_validator("anthropic_base_url")
    @classmethod
    def _model_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("use an https address")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _ai_complete(self) -> Settings:
        needs = {
            "anthropic": "ANTHROPIC_API_KEY",
            "gemini": "GEMINI_API_KEY",
            "bedrock": "AW_AI_MODEL (the model id or inference profile in your account), or an AWS_REGION in the US, "
            "the EU, Japan or Australia, whose profile is known",
        }
        if self.aw_ai in needs and self.aw_ai not in self.ai_providers:
            raise ValueError(f"AW_AI={self.aw_ai} also needs {needs[self.aw_ai]}")
        if self.aw_ai == "both" and len(self.ai_providers) < 2:
            raise ValueError(f"AW_AI=both needs two of: {', '.join(needs.values())}")
        return self

    @field_validator("aw_database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if not value.startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
            raise ValueError("use sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER@HOST/NAME")
        return value

    @field_validator("aw_sns_url", "aw_azure_url", "aw_twilio_url", "aw_teams_url")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if value and not value.startswith(("http://127.0.0.1:", "https://127.0.0.1:")):
            raise ValueError("it is for the sandbox only: use http://127.0.0.1:PORT/…, or leave it empty")
        return value.rstrip("/")

    @field_validator("aw_demo_clock")
    @classmethod
    def _demo_clock(cls, value: str, info: ValidationInfo) -> str:
        Pace.read(value)
        if value and not str(info.data.get("slack_api_url")).startswith("http://127.0.0.1:"):
            raise ValueError("it is for the sandbox only: leave it empty")
        return value

    @field_validator("microsoft_app_type")
    @classmethod
    def _app_type(cls, value: str) -> str:
        if value not in ("SingleTenant", "MultiTenant"):
            raise ValueError("use SingleTenant or MultiTenant")
        return value

    @field_validator("aw_email_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        address = parseaddr(value)[1]
        plain = value.isprintable() and len(getaddresses([value])) == 1 and not any(map(str.isspace, address))
        if value and not (plain and all(address.rpartition("@"))):
            raise ValueError("write one address: alerts@msp.example, or Alerts <alerts@msp.example>")
        return value

    @field_validator("aw_webhook_secret")
    @classmethod
    def _base64(cls, value: SecretStr) -> SecretStr:
        try:
            base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError(
                "it is base64, with or without whsec_ before it, as Standard Webhooks say"
            ) from None
        return value

    @field_validator("aw_smtp_url")
    @classmethod
    def _smtp(cls, value: SecretStr) -> SecretStr:
        from integrations.email import smtp_server

        if value.get_secret_value():
            smtp_server(value.get_secret_value())
        return value

    @field_validator("aw_email_template_dir")
    @classmethod
    def _templates(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("there is no such folder")
        return value

    @field_validator("aw_secret_key")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        for key in _split(value.get_secret_value()):
            try:
                Fernet(key)
            except ValueError:
                raise ValueError(
                    "each key is 32 bytes in URL-safe base64; make one with `alert-whisperer check --new-key`"
                ) from None
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("use an http(s) address")
        return value if value.endswith("/") else value + "/"

    @property
    def ai_providers(self) -> dict[str, str]:
        """Who may be asked, in order, each with the model that is named for them (empty: their usual one)."""
        if self.aw_ai == "off":
            return {}
        named = {_provider_of(name): name for name in _split(self.aw_ai_model)}
        usual = profile(self.aws_region or self.aws_default_region, USUAL) and (
            not named or self.aw_ai == "bedrock"
        )
        ready = {
            "bedrock": "bedrock" in named or bool(usual),
            "anthropic": bool(self.anthropic_api_key.get_secret_value()),
            "gemini": bool(self.gemini_api_key.get_secret_value()),
        }
        wanted = ready if self.aw_ai in ("auto", "both") else (self.aw_ai,)
        return {name: named.get(name, "") for name in wanted if ready[name]}

    @property
    def pace(self) -> Pace:
        """How fast time runs: as it does, but for a demo."""
        return Pace.read(self.aw_demo_clock)

    @property
    def bedrock_by_chance(self) -> bool:
        """Bedrock is tried because AWS has been set up here, and not because somebody named it."""
        return self.aw_ai in ("auto", "both") and self.ai_providers.get("bedrock") == ""

    @property
    def ai_price(self) -> tuple[float, float] | None:
        """Dollars for a million tokens, in and out."""
        into, _, out = self.aw_ai_price.partition(",")
        return (float(into), float(out)) if out else None

    @property
    def public_url(self) -> str:
        """Where the outside reaches this server, without a slash at the end."""
        return (self.aw_public_url or f"http://{self.aw_host}:{self.aw_port}").rstrip("/")

    @property
    def outbound_hosts(self) -> frozenset[str]:
        """Hosts of one's own network that calendars are fetched from and webhooks go to."""
        return frozenset(one.lower() for one in _split(self.aw_outbound_hosts))

    @property
    def slack_on(self) -> bool:
        return bool(self.slack_bot_token.get_secret_value())

    @property
    def teams_on(self) -> bool:
        """Only with all three: nobody is ever believed without proof."""
        return bool(
            self.microsoft_app_id and self.microsoft_app_password.get_secret_value() and self.teams_tenants
        )

    @property
    def teams_missing(self) -> tuple[str, ...]:
        """What of the three is not set."""
        given = (self.microsoft_app_id, self.microsoft_app_password.get_secret_value(), self.teams_tenants)
        names = ("MICROSOFT_APP_ID", "MICROSOFT_APP_PASSWORD", "MICROSOFT_APP_TENANT_ID")
        return tuple(name for name, value in zip(names, given, strict=True) if not value)

    @property
    def teams_tenants(self) -> tuple[str, ...]:
        """The tenants whose people may speak to the bot; the MSP's own first."""
        return tuple(_split(self.microsoft_app_tenant_id))

    @property
    def twilio_on(self) -> bool:
        token = self.twilio_auth_token.get_secret_value()
        return bool(self.twilio_account_sid and token and self.twilio_from)

    @property
    def email_on(self) -> bool:
        return bool(self.aw_email_from)

    @property
    def socket_mode(self) -> bool:
        return bool(self.slack_app_token.get_secret_value())

    def secret_keys(self) -> list[str]:
        """The Fernet keys, newest first. Without AW_SECRET_KEY one is made once and kept in a file beside the
        database (SQLite) or in the current folder, readable by its owner only."""
        given = _split(self.aw_secret_key.get_secret_value())
        return given or [_kept_key(self.key_file)]

    @property
    def key_file(self) -> Path:
        prefix = "sqlite+aiosqlite:///"
        name = self.aw_database_url.removeprefix(prefix).split("?")[0]
        if self.aw_database_url.startswith(prefix) and name and not name.startswith(":memory:"):
            return Path(name).parent / KEY_FILE
        return KEY_FILE


NAMES: tuple[str, ...] = tuple(name.upper() for name in Settings.model_fields)
"""Every environment variable that is read here."""


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises WrongSetting that names every wrong one. Empty counts as not set."""
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {
        name: value for name in Settings.model_fields if (value := source.get(name.upper(), "")) != ""
    }
    try:
        return Settings(**values)
    except ValidationError as error:
        raise WrongSetting("\n".join(faults(error))) from None


def faults(error: ValidationError) -> list[str]:
    """One line per wrong setting: its name, and what it takes. Values are not repeated: some are secret."""
    return [
        f"{str(item['loc'][0]).upper() if item['loc'] else 'AW_AI'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process of our own: this one's, with the changes."""
    return {**os.environ, **changes}


def _provider_of(model: str) -> str:
    """Whose model that is: Bedrock's ids and inference profiles have `anthropic.` in them, or are ARNs."""
    if "anthropic." in model or model.startswith("arn:aws"):
        return "bedrock"
    return "gemini" if model.startswith("gemini") else "anthropic"


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]


def _kept_key(path: Path) -> str:
    """The key in that file; made there first if need be. Another process never sees a file without its key."""
    if path.exists():
        return path.read_text("ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(Fernet.generate_key().decode() + "\n")
        with contextlib.suppress(FileExistsError):  # another process was first: its key holds
            os.link(fresh, path)
    finally:
        fresh.unlink()
    return path.read_text("ascii").strip()
