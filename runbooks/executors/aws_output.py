"""Output that is too long for the API: from the company's bucket or log group, with the company's own role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from engine.cloud import Cloud
from engine.errors import AlertWhispererError
from runbooks.executors.aws_session import Sessions
from runbooks.executors.aws_words import STDERR_CUT, STDOUT_CUT, was_cut
from runbooks.ports import Order

MOST = 1_000_000
"""Bytes read of one output at most."""

_PAGES = 40


def asked_for(cloud: Cloud) -> dict[str, Any]:
    """What SendCommand is told about where output goes."""
    wanted: dict[str, Any] = {}
    if cloud.output_bucket:
        wanted["OutputS3BucketName"] = cloud.output_bucket
        if cloud.output_prefix:
            wanted["OutputS3KeyPrefix"] = cloud.output_prefix.strip("/")
    if cloud.output_log_group:
        wanted["CloudWatchOutputConfig"] = {
            "CloudWatchOutputEnabled": True,
            "CloudWatchLogGroupName": cloud.output_log_group,
        }
    return wanted


def whole(sessions: Sessions, order: Order, answer: Mapping[str, Any]) -> tuple[str, str, str]:
    """(standard output, error output, a note) of an answer of GetCommandInvocation, fetched where AWS cut them."""
    notes: list[str] = []
    texts = []
    for name, limit, word in (("Output", STDOUT_CUT, "output"), ("Error", STDERR_CUT, "error output")):
        text = str(answer.get(f"Standard{name}Content", ""))
        if was_cut(text, limit):
            fetched, why = _fetch(sessions, order, answer, name)
            if fetched:
                text = fetched
            else:
                notes.append(f"{word} cut by AWS at {limit:,} characters{why}")
            if len(fetched) >= MOST:
                notes.append(f"only the first {MOST:,} characters of the {word} were read")
        texts.append(text)
    return texts[0], texts[1], "; ".join(notes)


def _fetch(sessions: Sessions, order: Order, answer: Mapping[str, Any], name: str) -> tuple[str, str]:
    """(the text or nothing, why there is nothing)."""
    url, group = str(answer.get(f"Standard{name}Url", "")), order.cloud.output_log_group
    try:
        if order.cloud.output_bucket and url:
            return _from_bucket(sessions, order, url), ""
        if group:
            stream = "stdout" if name == "Output" else "stderr"
            plugin = str(answer.get("PluginName", "")).replace(":", "-")
            place = f"{answer['CommandId']}/{answer['InstanceId']}/{plugin}/{stream}"
            return _from_logs(sessions, order, group, place), ""
    except AlertWhispererError as error:
        return "", f"; the rest could not be read: {str(error).rstrip('.')}"
    return "", ""


def _from_bucket(sessions: Sessions, order: Order, url: str) -> str:
    """The object behind the address that AWS gave; its bucket has to be the company's."""
    bucket = order.cloud.output_bucket
    path = unquote(urlsplit(url).path).lstrip("/")
    key = path.removeprefix(f"{bucket}/")
    s3 = sessions.other(order, "s3")

    def get(**where: str) -> bytes:
        with s3.get_object(**where)["Body"] as body:
            read: bytes = body.read(MOST)
        return read

    fetched: bytes = sessions.call(order, "GetObject", get, Bucket=bucket, Key=key)
    return fetched.decode(errors="replace")


def _from_logs(sessions: Sessions, order: Order, group: str, stream: str) -> str:
    logs, size = sessions.other(order, "logs"), 0
    found: list[str] = []
    token: dict[str, Any] = {}
    for _ in range(_PAGES):
        page = sessions.call(
            order,
            "GetLogEvents",
            logs.get_log_events,
            logGroupName=group,
            logStreamName=stream,
            startFromHead=True,
            **token,
        )
        found += [str(event["message"]) for event in page["events"]]
        size += sum(len(event["message"]) for event in page["events"])
        after = page.get("nextForwardToken")
        if not after or after == token.get("nextToken") or size >= MOST:
            break
        token = {"nextToken": after}
    return "\n".join(found)[:MOST]
