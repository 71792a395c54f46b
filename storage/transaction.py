"""One transaction: a connection, the repositories on it, and the writes gathered until the end."""

from __future__ import annotations

from functools import cached_property

from engine.notice import Transport
from storage.alerts import Alerts
from storage.allowances import Allowances
from storage.around import Around
from storage.articles import Articles
from storage.asks import Asks
from storage.audit import Audit, Timeline
from storage.bounces import Bounces
from storage.cards import Cards
from storage.channels import Channels
from storage.clocks import Clocks
from storage.companies import Companies, ContextCache
from storage.company_groups import CompanyGroups
from storage.connection import Connection
from storage.deliveries import DeadLetters, Deliveries
from storage.due import DueRows
from storage.escalations import Escalations
from storage.feeds import Feeds
from storage.files import LinkedFiles
from storage.grouping import Grouping
from storage.heartbeats import Heartbeats
from storage.incidents import Incidents
from storage.intake import IntakeLines
from storage.jobs import Jobs
from storage.knowledge import KnowledgeRows
from storage.notices import Notices
from storage.opinions import Opinions
from storage.outbreaks import Outbreaks
from storage.pictures import Pictures
from storage.quiet import QuietRules
from storage.reports import Reports
from storage.reviews import Reviews
from storage.rotations import Rotations
from storage.runs import Runs
from storage.secrets import Vault
from storage.shift import ShiftRows
from storage.sources import Sources
from storage.storms import Storms
from storage.teams import TeamsReferences
from storage.timesheets import Timesheets
from storage.users import Tokens, Users


class Transaction:
    """What `engine.ports.Transaction` and `runbooks.ports.RunsTransaction` ask for, on one connection.

    Writes to alerts, clocks, timeline, heartbeats, intake lines, cards, jobs, deliveries and audit are gathered and
    sent as few statements by `flush`; companies, users, incidents, runs and dead letters are written at once because
    their answers are needed.
    """

    def __init__(
        self,
        connection: Connection,
        contexts: ContextCache,
        pictures: Pictures,
        vault: Vault,
        *,
        writing: bool,
        ways: frozenset[Transport],
    ) -> None:
        self.connection = connection
        self.contexts = contexts
        self.pictures = pictures
        self.vault = vault
        self.writing = writing
        self.ways = ways
        self.dialect = connection.dialect.name

    @cached_property
    def companies(self) -> Companies:
        return Companies(self)

    @cached_property
    def around(self) -> Around:
        return Around(self)

    @cached_property
    def articles(self) -> Articles:
        return Articles(self)

    @cached_property
    def company_groups(self) -> CompanyGroups:
        return CompanyGroups(self)

    @cached_property
    def users(self) -> Users:
        return Users(self)

    @cached_property
    def teams(self) -> TeamsReferences:
        return TeamsReferences(self)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self)

    @cached_property
    def incidents(self) -> Incidents:
        return Incidents(self)

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self)

    @cached_property
    def grouping(self) -> Grouping:
        return Grouping(self)

    @cached_property
    def knowledge(self) -> KnowledgeRows:
        return KnowledgeRows(self)

    @cached_property
    def clocks(self) -> Clocks:
        return Clocks(self)

    @cached_property
    def due(self) -> DueRows:
        return DueRows(self)

    @cached_property
    def shift(self) -> ShiftRows:
        return ShiftRows(self)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(self)

    @cached_property
    def notices(self) -> Notices:
        return Notices(self)

    @cached_property
    def escalations(self) -> Escalations:
        return Escalations(self)

    @cached_property
    def opinions(self) -> Opinions:
        return Opinions(self)

    @cached_property
    def rotations(self) -> Rotations:
        return Rotations(self)

    @cached_property
    def asks(self) -> Asks:
        return Asks(self)

    @cached_property
    def files(self) -> LinkedFiles:
        return LinkedFiles(self)

    @cached_property
    def feeds(self) -> Feeds:
        return Feeds(self)

    @cached_property
    def outbreaks(self) -> Outbreaks:
        return Outbreaks(self)

    @cached_property
    def reports(self) -> Reports:
        return Reports(self)

    @cached_property
    def bounces(self) -> Bounces:
        return Bounces(self)

    @cached_property
    def timesheets(self) -> Timesheets:
        return Timesheets(self)

    @cached_property
    def cards(self) -> Cards:
        return Cards(self)

    @cached_property
    def channels(self) -> Channels:
        return Channels(self)

    @cached_property
    def storms(self) -> Storms:
        return Storms(self)

    @cached_property
    def intake_lines(self) -> IntakeLines:
        return IntakeLines(self)

    @cached_property
    def heartbeats(self) -> Heartbeats:
        return Heartbeats(self)

    @cached_property
    def sources(self) -> Sources:
        return Sources(self)

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self)

    @cached_property
    def reviews(self) -> Reviews:
        return Reviews(self)

    @cached_property
    def quiet(self) -> QuietRules:
        return QuietRules(self)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self)

    @cached_property
    def allowances(self) -> Allowances:
        return Allowances(self)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self)

    async def flush(self) -> None:
        """Send the gathered writes. Rows that replicas may fight over go in one order, the audit's heads last."""
        used = self.__dict__
        for name in (
            "incidents",
            "alerts",
            "grouping",
            "clocks",
            "timeline",
            "notices",
            "deliveries",
            "heartbeats",
            "sources",
            "intake_lines",
            "cards",
            "users",
            "runs",
            "quiet",
            "jobs",
            "audit",
        ):
            if name in used:
                await used[name].flush()
