"""What the REST interface takes, as models."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from engine.identifiers import incident_number


class Request(BaseModel):
    """A request's body or query: an unknown name is a fault, so that a typing error does not pass silently."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


IncidentRef = Annotated[str | int, Field(description="`INC-42` or 42")]
Text = Annotated[str, Field(max_length=3000)]


class ExecuteRequest(Request):
    """`targets` are assets of the incident's company by name or instance id; left out, the incident's own asset."""

    incident_id: IncidentRef
    targets: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(None, max_length=50)
    parameters: dict[str, str | int | bool] = Field(default_factory=dict, max_length=50)
    cloud_provider: str | None = Field(None, max_length=20)
    reason: str = Field("", max_length=300)


class MergeRequest(Request):
    """`into` is the other incident, as people say it."""

    into: str | int


class SplitRequest(Request):
    """`part` is `INC-7`, or the `part` of a problem in `joined`."""

    part: str = Field(min_length=1, max_length=40)


class NoteRequest(Request):
    text: Text = Field(min_length=1, validation_alias=AliasChoices("text", "note"))


class ResolveRequest(Request):
    """`text` says what fixed it."""

    text: Text = Field("", validation_alias=AliasChoices("text", "note", "resolution"))


class ReasonRequest(Request):
    reason: Text = Field("", validation_alias=AliasChoices("reason", "text"))


class AssignRequest(Request):
    """`to` is an e-mail address or the number of a person."""

    to: str | int


class EmptyRequest(Request):
    """Nothing is needed."""


class ApproveRequest(Request):
    """`digest` is that of the run as it was read: the approval is for exactly that."""

    digest: str = Field(min_length=12, max_length=64)


class RejectRequest(Request):
    note: str = Field(min_length=1, max_length=1000, validation_alias=AliasChoices("note", "reason", "text"))


class IncidentQuery(Request):
    """`status` is one of the statuses, `open` or `all`."""

    company: str | None = None
    status: str = "all"
    mine: bool = False
    limit: int = Field(100, ge=1, le=500)


def number_of(reference: str | int) -> int | None:
    """The number of an incident in any usual spelling; None when it is none."""
    return incident_number(str(reference))
