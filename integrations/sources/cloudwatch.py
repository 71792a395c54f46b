"""AWS CloudWatch alarms: in an SNS envelope, delivered raw, as an EventBridge event, or as the records of a function.

The confirmations that SNS sends first are no alerts. What else comes through the topic (text, events of other AWS
services) is kept under its subject: nobody subscribes a topic to hear nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, as_document, bodies, first, identity, kept, lines, said
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment, text

TOOL = "cloudwatch"
_CONFIRMATIONS = {"subscriptionconfirmation", "unsubscribeconfirmation"}
_STATES = {"ok": AlertStatus.RESOLVED, "insufficient_data": AlertStatus.NO_DATA}
_ASSETS = (
    "InstanceId", "host", "DBInstanceIdentifier", "DBClusterIdentifier", "BucketName", "FunctionName", "QueueName",
    "TableName", "CacheClusterId", "ReplicationGroupId", "LoadBalancer", "LoadBalancerName", "TargetGroup",
    "ServiceName",
    "AutoScalingGroupName", "PodName", "NodeName", "ClusterName", "ClusterIdentifier", "TopicName", "StreamName",
    "DeliveryStreamName", "DomainName", "ApiName", "ApiId", "NatGatewayId", "TransitGateway", "VpnId", "VolumeId",
    "FileSystemId", "HealthCheckId", "DistributionId", "StateMachineArn", "Broker", "RuleName", "WorkspaceId",
)  # fmt: skip
_NO_ASSETS = {
    "storagetype", "availabilityzone", "imageid", "instancetype", "region", "path", "device", "fstype", "stage",
    "method",
    "resource", "operation", "statistic", "currency", "filterid", "globalsecondaryindexname", "objectname", "instance",
    "name", "cpu", "class",
}  # fmt: skip


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is neither an alarm nor a message."""
    return [alert for fields in bodies(body) for alert in _all(fields)]


def _all(fields: Fields) -> Iterator[Alert]:
    if records := fields.each("Records"):
        for record in records:
            yield from _all(record.inner("Sns") or record)
        return
    if fields.word("Type") in _CONFIRMATIONS:
        return
    if "TopicArn" in fields and "Message" in fields:
        yield _delivered(fields)
    elif "AlarmName" in fields:
        yield _alarm(fields, fields)
    elif "detail-type" in fields:
        yield _event(fields)
    else:
        raise Malformed(Fault("AlarmName", "is needed, or an SNS envelope with `TopicArn` and `Message`"))


def _delivered(envelope: Fields) -> Alert:
    """What stands in the message of an SNS envelope."""
    message = envelope.value("Message")
    inside = Fields(message if isinstance(message, Mapping) else as_document(message))
    if "AlarmName" in inside:
        return _alarm(inside, envelope)
    if "detail-type" in inside:
        return _event(inside)
    topic = envelope.text("TopicArn")
    told = inside.text(
        "Event Message", "EventMessage", "Description", "Event", "AlarmDescription", most=MESSAGE
    )
    words = told or text(message, MESSAGE)
    asset = inside.text("Source ID", "AutoScalingGroupName", "EC2InstanceId", *_ASSETS)
    return Alert(
        asset_name=asset or topic.rpartition(":")[2] or "AWS",
        signature=first(envelope.text("Subject"), words.partition("\n")[0][:120], "a message"),
        tool=TOOL,
        message=words,
        occurred_at=moment(envelope.value("Timestamp")),
        labels=kept(topic=topic, account=_part(topic, 4), region=_part(topic, 3)),
        asset_note=None if asset else "the message names no asset; its topic stands in",
    )


def _alarm(alarm: Fields, envelope: Fields) -> Alert:
    name, arn = alarm.text("AlarmName"), alarm.text("AlarmArn")
    trigger = alarm.inner("Trigger")
    dimensions = dict(_dimensions(trigger))
    account = first(alarm.text("AWSAccountId"), _part(arn, 4), _part(envelope.text("TopicArn"), 4))
    region = first(_part(arn, 3), _part(envelope.text("TopicArn"), 3), alarm.text("Region"))
    metric = " ".join(part for part in (trigger.text("Namespace"), trigger.text("MetricName")) if part)
    asset = _asset(dimensions)
    told = (alarm.text("AlarmDescription", most=MESSAGE), alarm.text("NewStateReason", most=MESSAGE))
    return Alert(
        asset_name=asset or text(f"AWS account {account or 'unknown'}"),
        signature=name or metric or "an alarm without a name",
        tool=TOOL,
        status=_STATES.get(alarm.word("NewStateValue"), AlertStatus.FIRING),
        message=lines(*told),
        occurred_at=moment(alarm.value("StateChangeTime")),
        dedup_key=identity(arn) or identity(account or "-", region or "-", name),
        labels={**labels(dimensions), **kept(account=account, region=region, metric=metric)},
        link=_console(region, name),
        asset_note=None if asset else "the alarm names no asset; its account stands in",
    )


def _event(event: Fields) -> Alert:
    """An event of EventBridge: an alarm that changed its state, or what another service of AWS says."""
    detail = event.inner("detail")
    name = detail.text("alarmName")
    arns = event.texts("resources")
    account, region = event.text("account"), event.text("region")
    metrics = [one.inner("metricStat") for one in detail.inner("configuration").each("metrics")]
    dimensions = {
        str(each): said(value)
        for one in metrics
        for each, value in one.inner("metric").inner("dimensions").raw.items()
    }
    asset = _asset(dimensions) if name else (arns[0].rpartition(":")[2].rpartition("/")[2] if arns else "")
    state = detail.inner("state")
    what = event.text("detail-type")
    return Alert(
        asset_name=asset or text(f"AWS account {account or 'unknown'}"),
        signature=name or text(f"{what} {detail.text('eventTypeCode', 'type')}") or "an event of AWS",
        tool=TOOL,
        status=_STATES.get(state.word("value"), AlertStatus.FIRING),
        message=first(state.text("reason", most=MESSAGE), detail.text("description", "title", most=MESSAGE)),
        occurred_at=moment(event.value("time")),
        dedup_key=(identity(arns[0]) if arns else identity(account or "-", region or "-", name))
        if name
        else None,
        labels={**labels(dimensions), **kept(account=account, region=region, source=event.text("source"))},
        link=_console(region, name) if name else None,
        asset_note=None if asset else "the event names no asset; its account stands in",
    )


def _dimensions(trigger: Fields) -> Iterator[tuple[str, str]]:
    """Of the metric, or of each metric that goes into the mathematics of an alarm."""
    metrics = [one.inner("MetricStat").inner("Metric") for one in trigger.each("Metrics")]
    for one in (trigger, *metrics):
        for dimension in one.each("Dimensions"):
            if name := dimension.text("name"):
                yield name, dimension.text("value")


def _asset(dimensions: Mapping[str, str]) -> str:
    others = (value for name, value in dimensions.items() if name.lower() not in _NO_ASSETS and value)
    return Fields(dimensions).text(*_ASSETS) or next(others, "")


def _part(arn: str, place: int) -> str:
    """arn:aws:sns:region:account:name"""
    parts = arn.split(":")
    return parts[place] if len(parts) > place and parts[0] == "arn" else ""


def _console(region: str, name: str) -> str | None:
    if not name or not region.replace("-", "").isalnum():
        return None
    return f"https://console.aws.amazon.com/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}"
