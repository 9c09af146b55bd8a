"""What each role may do, judged by the policies that Terraform wrote: all that its function needs, and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.infra.local import ACCOUNT, REGION, Local
from tests.stack.binaries import FUNCTIONS
from tests.stack.policy import Request, judge

LAKE = "two_streams"
BUCKET = f"arn:aws:s3:::foz-two-streams-{ACCOUNT}"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/foz-two-streams"
PENDING = f"{TABLE}/index/pending"
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
HINTS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:foz-two-streams-hints"
TLS = {"aws:SecureTransport": "true"}
CREATE = TLS | {"s3:if-none-match": "*"}

RAW = f"{BUCKET}/raw/stream=flights/date=2026-01-31/1-1-00.parquet"
OVERSIZE = f"{BUCKET}/raw-oversize/stream=flights/00"
CONFIG, KEPT = f"{BUCKET}/config/00.yaml", f"{BUCKET}/definitions/00.yaml"
STAGED = f"{BUCKET}/staged/flights/0-5/e1/a/manifest.json"
HISTORY, REFUSED = f"{BUCKET}/tables/flights_changes/metadata/1.json", f"{BUCKET}/tables/flights_quarantine/metadata/1.json"
CURRENT, DELETED = f"{BUCKET}/tables/flights/data/1.parquet", f"{BUCKET}/tables/flights_tombstones/data/1.parquet"
PLACES = {RAW, OVERSIZE, CONFIG, KEPT, STAGED, HISTORY, REFUSED, CURRENT, DELETED}


@dataclass(frozen=True)
class May:
    """What a function may do. `items` are DynamoDB's calls on the catalog, `tables` the Iceberg tables in Glue."""

    reads: set[str]
    creates: set[str]
    items: set[str]
    tables: set[str] = field(default_factory=set)
    creates_tables: bool = True
    invokes: set[str] = field(default_factory=set)
    looks_for_pending: bool = False
    takes_hints: bool = False


# The second entry of a double entry, whose first is infra/permissions.tf: what a function needs is decided here once more,
# by what it is for. What is not here must be denied.
MAY = {
    "ingest": May(reads={CONFIG, RAW}, creates={RAW}, items={"GetItem", "PutItem", "Query", "UpdateItem"}),
    "dispatch": May(
        reads={CONFIG, KEPT},
        creates={KEPT},
        items={"GetItem", "PutItem", "Query", "UpdateItem"},
        invokes={"transform", "consolidate", "compact"},
        looks_for_pending=True,
        takes_hints=True,
    ),
    "transform": May(
        reads={KEPT, RAW, OVERSIZE, STAGED, HISTORY, REFUSED},
        creates={STAGED, HISTORY, REFUSED},
        items={"GetItem", "Query", "UpdateItem"},
        tables={"flights_changes", "flights_quarantine"},
    ),
    "consolidate": May(
        reads={KEPT, STAGED, HISTORY, REFUSED, CURRENT, DELETED},
        creates={HISTORY, REFUSED, CURRENT, DELETED},
        items={"GetItem", "PutItem", "UpdateItem"},
        tables={"flights", "flights_changes", "flights_quarantine", "flights_tombstones", "_raw"},
    ),
    "compact": May(
        reads={KEPT, HISTORY, REFUSED, CURRENT, DELETED},
        creates={HISTORY, REFUSED, CURRENT, DELETED},
        items={"GetItem", "UpdateItem"},
        tables={"flights", "flights_changes", "flights_quarantine", "flights_tombstones", "_raw"},
        creates_tables=False,
    ),
}


class Judge:
    """Judges what a function asks for, by its role's policies and those that stand at what it asks for."""

    def __init__(self, local: Local):
        iam, s3, kms, sqs = (local.client(each) for each in ("iam", "s3", "kms", "sqs"))
        self.roles = {}
        for name, function in local.outputs["functions"].items():
            documents = [iam.get_role_policy(RoleName=function, PolicyName=each) for each in iam.list_role_policies(RoleName=function)["PolicyNames"]]
            assert not iam.list_attached_role_policies(RoleName=function)["AttachedPolicies"]
            self.roles[name] = [json.dumps(each["PolicyDocument"]) for each in documents]
        self.key = local.outputs["kms_key_arn"]
        self._bucket = s3.get_bucket_policy(Bucket=local.outputs["bucket"])["Policy"]
        self._key = kms.get_key_policy(KeyId=self.key, PolicyName="default")["Policy"]
        self._hints = sqs.get_queue_attributes(QueueUrl=local.outputs["hint_queue_url"], AttributeNames=["Policy"])["Attributes"]["Policy"]

    def says(self, function: str, action: str, resource: str, context: dict[str, str] | None = None) -> str:
        """`allow`, `deny`, or `none`: nobody allowed it."""
        request = Request(action, resource, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{function}"}, TLS if context is None else context)
        stands = self._at(resource)
        own = judge(self.roles[function], request)
        # A key's policy hands the decision over to the account's; the others only forbid.
        other = judge(stands, request) if stands else "none"
        return "deny" if "deny" in (own, other) else own

    def anybody(self, action: str, resource: str, context: dict[str, str]) -> str:
        """What an administrator of the account is told, who may do everything that is not forbidden."""
        root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        return judge([{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, *self._at(resource)], Request(action, resource, root, context))

    def service(self, name: str, action: str, resource: str, context: dict[str, str]) -> str:
        """What a service of AWS is told, which has no role."""
        return judge(self._at(resource), Request(action, resource, {"Service": name}, context))

    def _at(self, resource: str) -> list[str]:
        kinds = {"s3": self._bucket, "kms": self._key, "sqs": self._hints}
        return [policy for service, policy in kinds.items() if resource.startswith(f"arn:aws:{service}:")]


@pytest.fixture(scope="module")
def verdict(local: Local) -> Iterator[Judge]:
    yield Judge(local)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_objects(verdict: Judge, function: str) -> None:
    assert {place for place in PLACES if verdict.says(function, "s3:GetObject", place) == "allow"} == MAY[function].reads
    assert {place for place in PLACES if verdict.says(function, "s3:PutObject", place, CREATE) == "allow"} == MAY[function].creates


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("place", sorted(PLACES))
def test_no_role_deletes_tags_or_lists(verdict: Judge, function: str, place: str) -> None:
    for action in ("DeleteObject", "DeleteObjectVersion", "PutObjectTagging", "DeleteObjectTagging", "PutObjectAcl", "PutObjectRetention", "RestoreObject"):
        assert verdict.says(function, f"s3:{action}", place, CREATE) != "allow", action
    for action in ("ListBucket", "DeleteBucket", "PutBucketPolicy", "DeleteBucketPolicy", "PutLifecycleConfiguration", "PutBucketVersioning"):
        assert verdict.says(function, f"s3:{action}", BUCKET) != "allow", action


@pytest.mark.parametrize("function", FUNCTIONS)
def test_catalog(verdict: Judge, function: str) -> None:
    actions = {"BatchWriteItem", "DeleteItem", "DeleteTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem", "UpdateTable"}
    assert {each for each in actions if verdict.says(function, f"dynamodb:{each}", TABLE) == "allow"} == MAY[function].items
    of_index = {each for each in actions if verdict.says(function, f"dynamodb:{each}", PENDING) == "allow"}
    assert of_index == ({"Query"} if MAY[function].looks_for_pending else set())
    assert verdict.says(function, "dynamodb:GetItem", TABLE + "-other") == "none"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tables(verdict: Judge, function: str) -> None:
    names = {"flights", "flights_changes", "flights_quarantine", "flights_tombstones", "_raw"}
    for action in ("CreateTable", "GetTable", "UpdateTable"):
        may = MAY[function].tables if action != "CreateTable" or MAY[function].creates_tables else set()
        # Glue asks for the catalog, the database and the table.
        for above in (f"{GLUE}:catalog", f"{GLUE}:database/{LAKE}"):
            assert (verdict.says(function, f"glue:{action}", above) == "allow") == bool(may)
        assert {name for name in names if verdict.says(function, f"glue:{action}", f"{GLUE}:table/{LAKE}/{name}") == "allow"} == may
        assert verdict.says(function, f"glue:{action}", f"{GLUE}:table/another/flights_changes") == "none"
    assert verdict.says(function, "glue:DeleteTable", f"{GLUE}:table/{LAKE}/flights") == "none"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_hints_and_functions(verdict: Judge, function: str) -> None:
    assert verdict.says(function, "sqs:SendMessage", HINTS) == "allow"
    for action in ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage"):
        assert (verdict.says(function, f"sqs:{action}", HINTS) == "allow") == MAY[function].takes_hints, action
    assert verdict.says(function, "sqs:PurgeQueue", HINTS) == "none"
    for other in FUNCTIONS:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:foz-two-streams-{other}"
        assert (verdict.says(function, "lambda:InvokeFunction", arn) == "allow") == (other in MAY[function].invokes)
        assert verdict.says(function, "lambda:UpdateFunctionCode", arn) == "none"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_key_is_used_through_services_only(verdict: Judge, function: str) -> None:
    for service in ("s3", "dynamodb", "sqs"):
        through = TLS | {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
        assert verdict.says(function, "kms:Decrypt", verdict.key, through) == "allow"
        assert verdict.says(function, "kms:GenerateDataKey", verdict.key, through) == "allow"
    assert verdict.says(function, "kms:Decrypt", verdict.key) == "none"
    assert verdict.says(function, "kms:ScheduleKeyDeletion", verdict.key) == "none"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logs(verdict: Judge, function: str) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/foz-two-streams-"
    assert verdict.says(function, "logs:PutLogEvents", f"{group}{function}:log-stream:x") == "allow"
    other = FUNCTIONS[FUNCTIONS.index(function) - 1]
    assert verdict.says(function, "logs:PutLogEvents", f"{group}{other}:log-stream:x") == "none"


@pytest.mark.parametrize("place", [RAW, OVERSIZE, KEPT])
def test_nobody_replaces_or_deletes_what_is_kept(verdict: Judge, place: str) -> None:
    assert verdict.anybody("s3:PutObject", place, TLS) == "deny"
    assert verdict.anybody("s3:PutObject", place, CREATE) == "allow"
    assert verdict.anybody("s3:DeleteObject", place, TLS) == "deny"
    assert verdict.anybody("s3:DeleteObjectVersion", place, TLS) == "deny"


@pytest.mark.parametrize("place", sorted(PLACES))
def test_nobody_speaks_to_the_bucket_without_tls(verdict: Judge, place: str) -> None:
    assert verdict.anybody("s3:GetObject", place, {"aws:SecureTransport": "false"}) == "deny"
    assert verdict.anybody("s3:GetObject", place, TLS) == "allow"


def test_the_bucket_and_no_other_tells_the_queue(verdict: Judge) -> None:
    ours = TLS | {"aws:SourceArn": BUCKET, "aws:SourceAccount": ACCOUNT}
    assert verdict.service("s3.amazonaws.com", "sqs:SendMessage", HINTS, ours) == "allow"
    assert verdict.service("s3.amazonaws.com", "kms:GenerateDataKey", verdict.key, ours) == "allow"
    for foreign in (ours | {"aws:SourceArn": BUCKET + "-other"}, ours | {"aws:SourceAccount": "999999999999"}):
        assert verdict.service("s3.amazonaws.com", "sqs:SendMessage", HINTS, foreign) == "none"
    assert verdict.service("s3.amazonaws.com", "sqs:SendMessage", HINTS, ours | {"aws:SecureTransport": "false"}) == "deny"


def test_logs_of_the_lake_and_no_others_are_encrypted_with_the_key(verdict: Judge) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/"
    for name, wanted in (("foz-two-streams-ingest", "allow"), ("payroll", "none")):
        context = TLS | {"kms:EncryptionContext:aws:logs:arn": group + name}
        assert verdict.service(f"logs.{REGION}.amazonaws.com", "kms:Encrypt", verdict.key, context) == wanted


def test_only_schedules_of_this_account_wake_dispatch(local: Local) -> None:
    iam, name = local.client("iam"), "foz-two-streams-schedules"
    policy = json.dumps(iam.get_role_policy(RoleName=name, PolicyName="invoke")["PolicyDocument"])
    for function in FUNCTIONS:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:foz-two-streams-{function}"
        assert judge([policy], Request("lambda:InvokeFunction", arn)) == ("allow" if function == "dispatch" else "none")
    trust = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    for account, wanted in ((ACCOUNT, "allow"), ("999999999999", "none")):
        asks = Request("sts:AssumeRole", "*", {"Service": "scheduler.amazonaws.com"}, {"aws:SourceAccount": account})
        assert judge([trust], asks) == wanted
