"""What a machine's reference tells, and in which of a company's clouds it can be."""

from __future__ import annotations

import pytest

from engine.cloud import Cloud, Provider, cloud_at, clouds_for, place_of

SUB = "01234567-89ab-cdef-0123-456789abcdef"
ARM = "/subscriptions/{sub}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("i-0abc1234", ("aws", "i-0abc1234", "", "")),
        ("mi-0123456789abcdef0", ("aws", "mi-0123456789abcdef0", "", "")),
        (
            "arn:aws:ec2:eu-central-1:222222222222:instance/i-0abc1234",
            ("aws", "i-0abc1234", "222222222222", "eu-central-1"),
        ),
        (
            "arn:aws-cn:ssm:cn-north-1:222222222222:managed-instance/mi-0123456789abcdef0",
            ("aws", "mi-0123456789abcdef0", "222222222222", "cn-north-1"),
        ),
        (ARM.format(sub=SUB, group="acme-prod", name="acme-vm-01"), ("azure", "acme-vm-01", SUB, "")),
        (
            ARM.format(sub=SUB.upper(), group="ACME_(1).x", name="VM1").replace(
                "resourceGroups", "resourcegroups"
            ),
            ("azure", "VM1", SUB, ""),
        ),
        (
            "projects/acme-prod/zones/europe-west3-a/instances/web-1",
            ("gcp", "web-1", "acme-prod", "europe-west3-a"),
        ),
        (
            "//compute.googleapis.com/projects/acme-prod/zones/europe-west3-a/instances/web-1",
            ("gcp", "web-1", "acme-prod", "europe-west3-a"),
        ),
        (
            "https://www.googleapis.com/compute/v1/projects/acme-prod/zones/europe-west3-a/instances/web-1",
            ("gcp", "web-1", "acme-prod", "europe-west3-a"),
        ),
    ],
)
def test_what_a_reference_tells(ref: str, said: tuple[str, ...]) -> None:
    place = place_of(ref)
    assert place is not None
    assert (place.provider, place.name, place.account, place.region) == said


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "web-01",
        "i-",
        "i-0abc; rm -rf /",
        "arn:aws:s3:::bucket",
        ARM.format(sub="nobody", group="g", name="n"),
        ARM.format(sub=SUB, group="g", name="n/../../x"),
        ARM.format(sub=SUB, group="a/b", name="n"),
        "projects/acme-prod/zones/a/instances/x/y",
    ],
)
def test_what_is_no_reference(ref: str) -> None:
    assert place_of(ref) is None


def test_the_clouds_a_machine_can_be_in() -> None:
    one, two = (Cloud(role_arn=f"arn:aws:iam::{digit * 12}:role/x") for digit in "12")
    azure = Cloud(provider="azure", subscription_id=SUB)
    clouds = (one, azure, two)
    bare = place_of("i-0abc1234")
    whole = place_of(f"arn:aws:ec2:eu-central-1:{'2' * 12}:instance/i-0abc1234")
    machine = place_of(ARM.format(sub=SUB.upper(), group="g", name="n"))
    assert bare is not None and whole is not None and machine is not None
    assert clouds_for(clouds, bare) == (one, two)
    assert clouds_for(clouds, whole) == (two,)
    assert clouds_for(clouds, machine) == (azure,)
    assert cloud_at(clouds, "azure", SUB) is azure
    assert cloud_at(clouds, "aws_ssm", SUB) is None


def test_each_provider_has_words_and_an_executor() -> None:
    assert [one.executor for one in Provider] == ["aws_ssm", "azure", "gcp"]
    assert Cloud(role_arn="arn:aws:iam::222222222222:role/x").label == "AWS account 222222222222"
    assert Cloud(provider="gcp", project_id="acme").label == "Google Cloud project acme"
    assert Cloud(role_arn="nonsense").account == ""
