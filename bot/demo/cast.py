"""Who and what the demo is about: an MSP, its people, three of its clients and their machines."""

from __future__ import annotations

from dataclasses import dataclass

from engine.company import Autonomy, Role

REGION = "eu-central-1"
HOME_ACCOUNT = "111111111111"
EMAIL_FROM = "alerts@msp.example"
TWILIO = {"account_sid": "AC" + "1" * 32, "auth_token": "0" * 32, "number": "+15005550006"}
PHONES = "+4366055501"
"""How the technicians' numbers begin."""
TEAM = {"id": "T0MSP", "name": "Northwind MSP"}
MSP_CHANNEL = "C0MSPOPS"
"""The MSP's own, where no client is."""
TEAMS_APP, TENANT = "a1e27000-0000-4000-8000-00000000de30", "7e4a4700-0000-4000-8000-00000000de30"
TEAMS_TEAM = "19:northwind@thread.tacv2"
"""The same MSP in Teams: its registration, its tenant, and the team that holds the clients' channels."""
BOT = {"user_id": "U0AWBOT", "bot_id": "B0AWBOT", "app_id": "A0AWBOT", "name": "Alert Whisperer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An asset; with an `instance` it is a machine in the company's cloud account, made from a `template`."""

    name: str
    aliases: tuple[str, ...] = ()
    platform: str = "linux"
    instance: str = ""
    template: str = ""
    critical: bool = False
    depends_on: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    slug: str
    name: str
    channel: str
    account: str
    autonomy: Autonomy
    timezone: str
    machines: tuple[Machine, ...]

    @property
    def role_arn(self) -> str:
        return f"arn:aws:iam::{self.account}:role/AlertWhisperer"

    @property
    def teams_channel(self) -> str:
        return f"19:{self.slug}@thread.tacv2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    slack: str
    name: str
    role: Role
    label: str
    companies: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    timezone: str = "Europe/Vienna"
    restricted: bool = False

    @property
    def first_name(self) -> str:
        return self.name.split()[0]

    @property
    def teams(self) -> str:
        """The object id in the directory of the MSP's tenant."""
        return f"0b1ec700-{self.first_name.lower()}"

    @property
    def email(self) -> str:
        return f"{self.first_name.lower()}@{'acme' if self.restricted else 'msp'}.example"


ACME = Client(
    slug="acme",
    name="Acme Corp",
    channel="C0ACME",
    account="222222222222",
    autonomy=Autonomy.ACT,
    timezone="Europe/Vienna",
    machines=(
        Machine(
            name="acme-web-01",
            aliases=("web-01.acme.example", "10.20.0.11"),
            instance="i-0a11c0ffee0000001",
            template="web-server",
            depends_on=("acme-app-01",),
            labels=(("mount", "/"), ("service", "nginx")),
        ),
        Machine(
            name="acme-web-02",
            aliases=("web-02.acme.example", "10.20.0.12"),
            instance="i-0a11c0ffee0000002",
            template="web-server",
            depends_on=("acme-app-01",),
            labels=(("mount", "/"), ("service", "nginx")),
        ),
        Machine(
            name="acme-app-01",
            aliases=("app-01.acme.example", "10.20.0.21"),
            instance="i-0a11c0ffee0000003",
            template="app-server",
            depends_on=("acme-db-01",),
            labels=(("mount", "/"), ("service", "acme-app")),
        ),
        Machine(
            name="acme-db-01",
            aliases=("db-01.acme.example", "10.20.0.31"),
            instance="i-0a11c0ffee0000004",
            template="db-server",
            critical=True,
            labels=(("mount", "/"), ("service", "postgresql")),
        ),
        Machine(
            name="acme-files-01",
            aliases=("files-01.acme.example", "10.20.0.41"),
            instance="i-0a11c0ffee0000005",
            template="app-server",
            labels=(("mount", "/"), ("service", "redis-server")),
        ),
    ),
)
GLOBEX = Client(
    slug="globex",
    name="Globex Health",
    channel="C0GLOBEX",
    account="333333333333",
    autonomy=Autonomy.PROPOSE,
    timezone="Europe/Berlin",
    machines=(
        Machine(
            name="globex-app-01",
            aliases=("portal.globex.example", "10.30.0.11"),
            instance="i-0b22c0ffee0000001",
            template="web-server",
            critical=True,
            depends_on=("globex-db-01",),
            labels=(("mount", "/"), ("service", "nginx")),
        ),
        Machine(
            name="globex-db-01",
            aliases=("db-01.globex.example", "10.30.0.31"),
            instance="i-0b22c0ffee0000002",
            template="db-server",
            critical=True,
            labels=(("mount", "/"), ("service", "postgresql")),
        ),
        Machine(
            name="globex-db-02",
            aliases=("db-02.globex.example", "10.30.0.32"),
            instance="i-0b22c0ffee0000003",
            template="db-server",
            depends_on=("globex-db-01",),
            labels=(("mount", "/"), ("service", "postgresql")),
        ),
        Machine(name="globex-nas-01", aliases=("10.30.0.41",), platform=""),
        Machine(name="globex-core-sw-01", aliases=("10.30.0.1",), platform="", critical=True),
    ),
)
INITECH = Client(
    slug="initech",
    name="Initech Tools",
    channel="C0INITECH",
    account="444444444444",
    autonomy=Autonomy.OBSERVE,
    timezone="America/Chicago",
    machines=(
        Machine(
            name="initech-win-01",
            aliases=("WIN-01.initech.example", "10.40.0.11"),
            platform="windows",
            instance="i-0c33c0ffee0000001",
            template="windows-server",
            labels=(("service", "W3SVC"),),
        ),
        Machine(name="initech-vpn-01", aliases=("10.40.0.1",), platform=""),
        Machine(name="initech-nas-01", aliases=("10.40.0.41",), platform="", critical=True),
    ),
)
CLIENTS = (ACME, GLOBEX, INITECH)

PEOPLE = (
    Person(
        slack="U0KIM",
        name="Kim Reyes",
        role=Role.TECHNICIAN,
        label="Technician",
        companies=("acme", "globex"),
        skills=("linux", "database"),
    ),
    Person(
        slack="U0BOB",
        name="Bob Lindqvist",
        role=Role.TECHNICIAN,
        label="Technician",
        companies=("acme", "globex", "initech"),
        skills=("windows", "network"),
        timezone="Europe/Stockholm",
    ),
    Person(
        slack="U0NOOR",
        name="Noor Haddad",
        role=Role.TECHNICIAN,
        label="Technician",
        companies=("globex", "initech"),
        skills=("backup", "storage", "security"),
    ),
    Person(
        slack="U0MARIA",
        name="Maria Acosta",
        role=Role.COMPANY_ADMIN,
        label="Company admin, Acme Corp",
        companies=("acme",),
    ),
    Person(slack="U0LEE", name="Lee Winter", role=Role.MSP_ADMIN, label="MSP admin"),
    Person(
        slack="U0DANA",
        name="Dana Fields",
        role=Role.CLIENT_VIEWER,
        label="Client viewer, Acme Corp",
        companies=("acme",),
        restricted=True,
    ),
)
