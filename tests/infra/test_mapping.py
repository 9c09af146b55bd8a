"""A lake with a stream that comes by Lambda's event source mapping: what was applied is read back, and what ingest's role may do for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.local import ACCOUNT, PIPELINE, REGION, Local
from tests.infra.test_policies import TLS, Judge
from tests.stack.binaries import FUNCTIONS
from tests.stack.terraform import MAPPING

STREAM = """  airports:
    queue: airports.state
    key: [faa]
    columns: { faa: string, name: string }
    max_latency: 45s
    door: mapping
"""

EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
INTERFACE = f"{EC2}:network-interface/eni-1"
# What Lambda documents that it asks for, and of what.
NEEDED = [
    ("mq:DescribeBroker", MAPPING["broker_arn"]),
    ("secretsmanager:GetSecretValue", MAPPING["secret_arn"]),
    *(("ec2:CreateNetworkInterface", each) for each in (INTERFACE, f"{EC2}:subnet/subnet-1", f"{EC2}:security-group/sg-1")),
    ("ec2:DeleteNetworkInterface", INTERFACE),
    *((f"ec2:Describe{each}", "*") for each in ("NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")),
]


def written(folder: Path, stream: str = STREAM) -> Path:
    """The fixture's definition and one stream more."""
    folder.mkdir()
    for sql in PIPELINE.parent.glob("*.sql"):
        (folder / sql.name).write_text(sql.read_text())
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(PIPELINE.read_text().replace("streams:\n", f"streams:\n{stream}"))
    return pipeline


def mappings(cloud: Local) -> list[dict[str, Any]]:
    """What Lambda consumes of the broker."""
    return cloud.client("lambda").list_event_source_mappings(EventSourceArn=MAPPING["broker_arn"])["EventSourceMappings"]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """The fixture's two streams and one that is mapped, applied; not to be changed."""
    home = tmp_path_factory.mktemp("mapped")
    local = Local(home / "cloud")
    try:
        local.apply(written(home / "written"))
        yield local
    finally:
        local.close()


@pytest.fixture(scope="module")
def verdict(mapped: Local) -> Judge:
    return Judge(mapped)


@pytest.fixture(scope="module")
def without(local: Local) -> Judge:
    return Judge(local)


def test_the_mapping_is_read_back_as_it_was_written(mapped: Local) -> None:
    assert mapped.plan() == "No changes."
    [mapping] = mappings(mapped)
    assert mapping["FunctionArn"].endswith(":" + mapped.outputs["functions"]["ingest"])
    assert mapping["Queues"] == ["airports.state"]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"], mapping["State"]) == (1000, 15, "Enabled")
    access = {each["Type"]: each["URI"] for each in mapping["SourceAccessConfigurations"]}
    assert access == {"BASIC_AUTH": MAPPING["secret_arn"], "VIRTUAL_HOST": "/"}


@pytest.mark.parametrize(("action", "resource"), NEEDED)
def test_lambda_consumes_as_ingest_where_a_stream_is_mapped(verdict: Judge, without: Judge, action: str, resource: str) -> None:
    assert verdict.says("ingest", action, resource) == "allow"
    assert without.says("ingest", action, resource) == "none"
    for other in set(FUNCTIONS) - {"ingest"}:
        assert verdict.says(other, action, resource) == "none"


@pytest.mark.parametrize(("action", "resource"), NEEDED)
def test_the_code_of_ingest_may_not(verdict: Judge, action: str, resource: str) -> None:
    code = TLS | {"lambda:SourceFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:foz-two-streams-ingest"}
    assert verdict.says("ingest", action, resource, code) == "none"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("mq:DescribeBroker", MAPPING["broker_arn"] + "1"),
        ("mq:RebootBroker", MAPPING["broker_arn"]),
        ("secretsmanager:GetSecretValue", MAPPING["secret_arn"] + "1"),
        ("secretsmanager:PutSecretValue", MAPPING["secret_arn"]),
        ("ec2:CreateNetworkInterface", INTERFACE.replace(ACCOUNT, "999999999999")),
        ("ec2:DeleteNetworkInterface", INTERFACE.replace(REGION, "eu-west-1")),
        ("ec2:DescribeInstances", "*"),
        ("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/secret"),
    ],
)
def test_lambda_does_nothing_else_as_ingest(verdict: Judge, action: str, resource: str) -> None:
    assert verdict.says("ingest", action, resource) == "none"


def test_a_mapping_goes_with_its_door(tmp_path: Path, mapped: Local) -> None:
    cloud = Local(tmp_path / "cloud")
    try:
        cloud.apply(written(tmp_path / "mapped"))  # as it was kept of the fixture
        cloud.change(written(tmp_path / "bridged", STREAM.replace("    door: mapping\n", "")))
        assert not mappings(cloud)
        assert Judge(cloud).says("ingest", "mq:DescribeBroker", MAPPING["broker_arn"]) == "none"
    finally:
        cloud.close()
