"""What a client is asked to allow is exactly what is called: no more, and no less."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.clouds.access import FOLDER, Format, filled, principal_of, role_definition, template
from bot.clouds.verify import ACTIONS_IN_AZURE
from engine.cloud import Cloud as Place
from runbooks.executors.aws_proof import patch_states, prove
from runbooks.executors.azure_arm import Arm
from tests.runbooks import aws as amazon
from tests.runbooks import azure as microsoft
from tests.runbooks.aws import Cloud
from tests.runbooks.azure import Azure

ACTION = re.compile(r"\b(?:ssm|s3|logs|iam|ec2|kms):[A-Z]\w+")
CLIENT = "0c1d2e3f-0000-1111-2222-333344445555"
AWS = Place(
    role_arn="arn:aws:iam::222222222222:role/AlertWhisperer-acme",
    external_id="aw-acme-7f3a",
    region="eu-central-1",
    output_bucket="acme-output",
    output_prefix="/aw/",
)


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {suffix: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


def cloudformation(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    return found


def actions(document: Any) -> set[str]:
    """Every action that a template allows, wherever it stands."""
    return set(ACTION.findall(json.dumps(document) if not isinstance(document, str) else document))


async def _everything(cloud: Cloud) -> None:
    """Each thing that the executor and the proofs ever do in an account."""
    for place in ({"output_bucket": "acme-output"}, {"output_log_group": "/acme/output"}):
        one = amazon.order("seq 1 9000", cloud=replace(amazon.PLACE, **place))
        await cloud.carry_out(replace(one, run_id=f"01{next(iter(place))}"))
    reference = await cloud.executor.start(amazon.order("sleep 20"))
    await cloud.executor.find(amazon.order())
    await cloud.executor.cancel(amazon.order(), reference)
    await asyncio.to_thread(prove, amazon.PLACE, amazon.REGION)
    await asyncio.to_thread(patch_states, amazon.PLACE, amazon.REGION, [amazon.WEB])


async def test_a_role_in_aws_allows_exactly_what_is_called(cloud: Cloud) -> None:
    await _everything(cloud)
    formation = cloudformation(template(Format.CLOUDFORMATION))
    assert actions(formation) == cloud.aws.asked
    assert actions(template(Format.TERRAFORM)) == cloud.aws.asked


async def test_a_role_in_azure_allows_exactly_what_is_called(azure: Azure) -> None:
    reference = await azure.executor.start(microsoft.order("sleep 20"))
    await azure.executor.cancel(microsoft.order(), reference)
    arm: Arm = azure.executor.arm
    path = f"/subscriptions/{microsoft.SUBSCRIPTION}/providers/Microsoft.Authorization/permissions"
    await arm.pages(microsoft.PLACE, path, {"api-version": "2022-04-01"})
    role = json.loads(role_definition())
    assert set(role["Actions"]) == azure.world.asked
    assert set(ACTIONS_IN_AZURE) | {"Microsoft.Authorization/permissions/read"} == set(role["Actions"])
    assert role["NotActions"] == role["DataActions"] == role["NotDataActions"] == []


def test_nobody_assumes_the_role_without_the_external_id() -> None:
    role = cloudformation(template(Format.CLOUDFORMATION))["Resources"]["Role"]["Properties"]
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assuming = [one for one in trust if "sts:AssumeRole" in one["Action"]]
    assert [one["Condition"] for one in assuming] == [
        {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    ]
    beside = {action for one in trust if one not in assuming for action in one["Action"]}
    assert beside == {"sts:TagSession", "sts:SetSourceIdentity"}
    assert all(one["Principal"] == {"AWS": {"Ref": "TrustedPrincipal"}} for one in trust)
    terraform = template(Format.TERRAFORM)
    first = terraform[terraform.index('data "aws_iam_policy_document" "trust"') :].split("statement {")[1]
    assert 'actions = ["sts:AssumeRole"]' in first
    assert 'variable = "sts:ExternalId"' in first


def _statements(formation: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for resource in formation["Resources"].values():
        document = resource["Properties"].get("PolicyDocument")
        if isinstance(document, dict) and "Sub" in document:
            document = json.loads(document["Sub"])
        found += document["Statement"] if document else []
    return found


def test_commands_go_to_the_two_documents_and_to_machines_only() -> None:
    statements = _statements(cloudformation(template(Format.CLOUDFORMATION)))
    sending = [one for one in statements if one["Action"] == "ssm:SendCommand"]
    resources = re.findall(r"arn:[^\"'}]*\}:[^\"']+", json.dumps([one["Resource"] for one in sending]))
    kinds = {re.sub(r"\$\{[^}]*\}", "", one).rpartition(":")[2] for one in resources}
    assert kinds == {
        "document/AWS-RunShellScript",
        "document/AWS-RunPowerShellScript",
        "instance/*",
        "managed-instance/*",
    }
    tagged = [one for one in sending if "Condition" in one]
    assert [one["Condition"] for one in tagged] == [
        {"StringEquals": {"ssm:resourceTag/${TagKey}": "${TagValue}"}}
    ]
    everywhere = [one for one in statements if one["Resource"] == "*"]
    assert len(everywhere) == 1
    assert "ssm:SendCommand" not in everywhere[0]["Action"]


def test_every_name_in_cloudformation_is_defined() -> None:
    formation = cloudformation(template(Format.CLOUDFORMATION))
    text = json.dumps(formation)
    named = set(re.findall(r'"(?:Ref|Condition)": "(\w+)"', text))
    named |= set(re.findall(r"\$\{(\w+)\}", text))
    assert named <= {*formation["Parameters"], *formation["Resources"], *formation["Conditions"]}
    assert set(formation["Conditions"]) - {"EveryMachine"} <= {
        one.get("Condition") for one in formation["Resources"].values()
    } | {"OnlyTagged"}
    assert formation["Outputs"]["RoleArn"]["Value"] == {"GetAtt": "Role.Arn"}


@pytest.mark.parametrize("principal", ["", "arn:aws:iam::111111111111:role/alert-whisperer"])
def test_every_default_in_cloudformation_may_be_one(principal: str) -> None:
    """CloudFormation takes no template in which a default breaks its own rule."""
    for text in (
        template(Format.CLOUDFORMATION),
        filled(Format.CLOUDFORMATION, AWS, principal=principal, client_id=""),
    ):
        for name, one in cloudformation(text)["Parameters"].items():
            if "Default" in one:
                assert re.search(one.get("AllowedPattern", ""), one["Default"]), name
                assert one.get("MinLength", 0) <= len(one["Default"]), name


def test_terraform_is_whole() -> None:
    text = re.sub(r'"[^"\n]*"', '""', template(Format.TERRAFORM))
    for opening, closing in ("{}", "[]", "()"):
        assert text.count(opening) == text.count(closing)
    names = set(re.findall(r'variable "(\w+)"', template(Format.TERRAFORM)))
    assert set(re.findall(r"var\.(\w+)", template(Format.TERRAFORM))) == names


def test_the_templates_of_aws_are_filled_with_the_companys_own_ids() -> None:
    principal = "arn:aws:iam::111111111111:role/alert-whisperer"
    formation = cloudformation(filled(Format.CLOUDFORMATION, AWS, principal=principal, client_id=""))
    defaults = {name: one["Default"] for name, one in formation["Parameters"].items() if "Default" in one}
    assert defaults == {
        "TrustedPrincipal": principal,
        "ExternalId": "aw-acme-7f3a",
        "RoleName": "AlertWhisperer-acme",
        "TagKey": "",
        "TagValue": "",
        "OutputBucket": "acme-output",
        "OutputPrefix": "aw",
        "OutputLogGroup": "",
    }
    for name in ("TrustedPrincipal", "ExternalId"):
        assert re.search(formation["Parameters"][name]["AllowedPattern"], defaults[name])
    terraform = filled(Format.TERRAFORM, AWS, principal=principal, client_id="")
    assert f'default     = "{principal}"\n' in terraform
    assert 'default     = "aw-acme-7f3a"\n' in terraform
    assert "# filled" not in terraform


def test_the_script_for_azure_runs_with_the_companys_own_ids(tmp_path: Path) -> None:
    script = tmp_path / "role.sh"
    script.write_text(filled(Format.AZURE, microsoft.PLACE, principal="", client_id=CLIENT))
    az = tmp_path / "az"
    az.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> "$LOG"\necho 0\n')
    az.chmod(0o755)
    log = tmp_path / "log"
    done = subprocess.run(
        ["sh", str(script)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log)},
        capture_output=True,
        text=True,
        check=True,
    )
    asked = log.read_text()
    scope = f"/subscriptions/{microsoft.SUBSCRIPTION}"
    assert f"--assignee {CLIENT} --role Alert Whisperer --scope {scope}" in asked
    made = asked[asked.index("--role-definition ") :].removeprefix("--role-definition ")
    role = json.loads(made[: made.index("\n}") + 2])
    assert role["AssignableScopes"] == [scope]
    assert "Take it back with" in done.stdout
    bare = subprocess.run(["sh", str(FOLDER / "azure-role.sh")], capture_output=True, text=True, check=False)
    assert (bare.returncode, "Set CLIENT_ID" in bare.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:iam::111111111111:user/bot", "arn:aws:iam::111111111111:user/bot"),
        ("arn:aws:sts::111111111111:assumed-role/bot/i-0abc", "arn:aws:iam::111111111111:role/bot"),
        ("arn:aws-cn:sts::111111111111:assumed-role/bot/x", "arn:aws-cn:iam::111111111111:role/bot"),
        ("", ""),
    ],
)
def test_whom_a_role_trusts(arn: str, principal: str) -> None:
    assert principal_of(arn) == principal
