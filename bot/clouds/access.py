"""What a client applies in an account to let us in: least privilege, filled in with the company's own ids."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from engine.cloud import Cloud, Provider

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "client-access"
"""In a checkout and in an installed program alike: the wheel has the same folders."""

_ABSENT = re.compile(r"^(?P<indent> *)# (?P<what>\w+:) filled: (?P<name>\w+)$", re.MULTILINE)
_FILLED = re.compile(
    r"^(?P<before>.*?)(?P<value>\"[^\n]*\")(?P<gap> +)# filled: (?P<name>\w+)$", re.MULTILINE
)


class Format(StrEnum):
    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"
    AZURE = "azure"

    @property
    def provider(self) -> Provider:
        return Provider.AZURE if self is Format.AZURE else Provider.AWS


_FILES = {
    Format.CLOUDFORMATION: "aws-role.cloudformation.yml",
    Format.TERRAFORM: "aws-role.tf",
    Format.AZURE: "azure-role.sh",
}


def template(form: Format) -> str:
    return (FOLDER / _FILES[form]).read_text("utf-8")


def role_definition() -> str:
    """The Azure role, as JSON."""
    return (FOLDER / "azure-role.json").read_text("utf-8")


def filled(form: Format, cloud: Cloud, *, principal: str, client_id: str) -> str:
    """The template for this account. `principal`: the ARN that we call AWS with; `client_id`: our Azure application."""
    if form is Format.AZURE:
        values = {
            "client_id": shlex.quote(client_id),
            "subscription_id": shlex.quote(cloud.subscription_id),
            "role": shlex.quote(role_definition().strip()),
        }
    else:
        values = {
            "principal": json.dumps(principal),
            "external_id": json.dumps(cloud.external_id),
            "role_name": json.dumps(cloud.role_arn.rpartition("/")[2]),
            "output_bucket": json.dumps(cloud.output_bucket),
            "output_log_group": json.dumps(cloud.output_log_group),
        }
        if cloud.output_prefix:
            values["output_prefix"] = json.dumps(cloud.output_prefix.strip("/"))
    return _fill(template(form), values)


def _fill(text: str, values: Mapping[str, str]) -> str:
    def one(found: re.Match[str]) -> str:
        value = values.get(found["name"])
        return found["before"] + (found["value"] if value is None else value)

    def absent(found: re.Match[str]) -> str:
        value = values.get(found["name"], "")
        return f"{found['indent']}{found['what']} {value}" if value.strip('"') else found[0]

    return _ABSENT.sub(absent, _FILLED.sub(one, text))


def principal_of(arn: str) -> str:
    """The ARN that a trust policy names for us: of a session, the role that it is of."""
    found = re.fullmatch(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/.+", arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else arn
