"""The whole of it through its life on the local cloud: streams come and go, what was published stays, and what is taken down."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.local import PIPELINE, Local
from tests.stack.binaries import FUNCTIONS

STREAM = """  airports:
    queue: airports.state
    key: [faa]
    columns: { faa: string, name: string }
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Local]:
    """An AWS of its own, with the two streams applied."""
    local = Local(tmp_path / "cloud")
    try:
        local.apply()
        yield local
    finally:
        local.close()


def publish(cloud: Local, stream: str) -> str:
    """Leaves a raw object of a stream, as ingest does."""
    key = f"raw/stream={stream}/date=2026-01-31/1-1-{'0' * 32}.parquet"
    cloud.client("s3").put_object(Bucket=cloud.outputs["bucket"], Key=key, Body=b"rows", IfNoneMatch="*")
    return key


def objects(cloud: Local) -> set[str]:
    """The names of what is in the bucket."""
    return {each["Key"] for each in cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["bucket"]).get("Contents", [])}


def definitions(cloud: Local) -> set[str]:
    """What the functions are told to read."""
    client = cloud.client("lambda")
    told = [client.get_function_configuration(FunctionName=cloud.outputs["functions"][name]) for name in FUNCTIONS]
    return {each["Environment"]["Variables"]["FOZ_DEFINITION"] for each in told}


def left(cloud: Local) -> dict[str, list[str]]:
    """Everything that is there, by kind."""
    found = {
        "alarms": [each["AlarmName"] for each in cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "buckets": [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]],
        "dashboards": [each["DashboardName"] for each in cloud.client("cloudwatch").list_dashboards()["DashboardEntries"]],
        "databases": [each["Name"] for each in cloud.client("glue").get_databases()["DatabaseList"]],
        "functions": [each["FunctionName"] for each in cloud.client("lambda").list_functions()["Functions"]],
        "groups": [each["logGroupName"] for each in cloud.client("logs").describe_log_groups()["logGroups"]],
        "keys": keys(cloud),
        "mappings": [each["UUID"] for each in cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "roles": [each["RoleName"] for each in cloud.client("iam").list_roles()["Roles"]],
        "schedules": [each["Name"] for each in cloud.client("scheduler").list_schedules()["Schedules"]],
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
    }
    return {kind: names for kind, names in found.items() if names}


def keys(cloud: Local) -> list[str]:
    """The account's keys that are not about to be deleted, without AWS's own."""
    kms = cloud.client("kms")
    theirs = {each.get("TargetKeyId") for each in kms.list_aliases()["Aliases"] if each["AliasName"].startswith("alias/aws/")}
    found = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in kms.list_keys()["Keys"]]
    return [each["Arn"] for each in found if each["KeyState"] == "Enabled" and each["KeyId"] not in theirs]


def test_streams_come_and_go_and_their_data_stays(cloud: Local, tmp_path: Path) -> None:
    before = definitions(cloud)
    more = tmp_path / "more/pipeline.yaml"
    more.parent.mkdir()
    more.write_text(PIPELINE.read_text().replace("streams:\n", f"streams:\n{STREAM}"))
    for sql in PIPELINE.parent.glob("*.sql"):
        (more.parent / sql.name).write_text(sql.read_text())

    cloud.change(more)
    assert cloud.plan() == "No changes."
    [with_airports] = definitions(cloud)
    assert {with_airports}.isdisjoint(before) and with_airports in objects(cloud)

    published = {publish(cloud, "airports"), publish(cloud, "flights")}
    glue, database = cloud.client("glue"), cloud.outputs["glue_database"]
    glue.create_table(DatabaseName=database, TableInput={"Name": "airports"})

    cloud.change(PIPELINE)
    assert cloud.plan() == "No changes."
    assert definitions(cloud) == before
    assert published <= objects(cloud)
    assert {each["Name"] for each in glue.get_tables(DatabaseName=database)["TableList"]} == {"_raw", "airports"}


def test_what_is_protected_survives_a_destroy(cloud: Local) -> None:
    key = publish(cloud, "flights")
    cloud.set(protected=True)
    cloud.terraform("apply", "-auto-approve")

    said = cloud.run("destroy", "-auto-approve")
    assert said.returncode == 1
    assert "BucketNotEmpty" in said.stderr and "DeletionProtection" in said.stderr

    outputs = cloud.outputs
    assert left(cloud) == {
        "buckets": [outputs["bucket"]],
        "databases": [outputs["glue_database"]],
        "keys": [outputs["kms_key_arn"]],
        "tables": [outputs["table"]],
    }
    assert key in objects(cloud)
    kms = cloud.client("kms")
    with pytest.raises(kms.exceptions.ClientError, match="AccessDenied"):
        kms.schedule_key_deletion(KeyId=outputs["kms_key_arn"])


def test_without_protection_nothing_is_left(cloud: Local) -> None:
    publish(cloud, "flights")
    cloud.terraform("destroy", "-auto-approve")
    assert left(cloud) == {}


def test_the_local_cloud_refuses_what_the_policies_forbid(cloud: Local) -> None:
    key, s3, bucket = publish(cloud, "flights"), cloud.client("s3"), cloud.outputs["bucket"]
    for refused in (
        lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"other"),
        lambda: s3.delete_object(Bucket=bucket, Key=key),
        lambda: s3.create_multipart_upload(Bucket=bucket, Key=key),
    ):
        with pytest.raises(s3.exceptions.ClientError, match="403"):
            refused()
    assert s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})["Errors"][0]["Code"] == "AccessDenied"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"rows"
