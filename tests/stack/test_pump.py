"""The pump follows what was configured: mappings, with failures of some messages, and notifications of a bucket."""

import itertools
import json

import pytest

from tests.stack import processes
from tests.stack.processes import wait_until
from tests.stack.test_lambda_host import PROGRAM, Function, package

NUMBERS = itertools.count()
# Writes down which messages it got, and fails those that say so.
PARTIAL = PROGRAM.replace('what == "fail items"', '"Records" in event').replace("API = ", "SEEN = open(os.environ['SEEN'], 'a')\nAPI = ", 1)
PARTIAL = PARTIAL.replace("        failed = ", "        print(*(r['body'] for r in event['Records']), sep='\\n', file=SEEN, flush=True)\n        failed = ", 1)


@pytest.fixture
def pump(aws):
    """The pump, running."""
    aws.run("pump", "tests.stack.pump.run")
    yield aws
    processes.stop([processes.find(aws.home, "pump")])


def queue(aws, visibility: int = 1) -> tuple[str, str]:
    """Address and ARN of a new queue."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"pump-{next(NUMBERS)}", Attributes={"VisibilityTimeout": str(visibility)})["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def left(aws, url: str) -> int:
    """Messages that the queue holds, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(value) for value in aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def test_only_the_messages_that_failed_come_again(pump, tmp_path):
    url, arn = queue(pump)
    seen = tmp_path / "seen"
    seen.touch()
    function = Function(pump, Code={"ZipFile": package(PARTIAL)}, Environment={"Variables": {"SEEN": str(seen)}})
    mapping = {"EventSourceArn": arn, "FunctionName": function.name, "BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    uuid = function.api.create_event_source_mapping(**mapping)["UUID"]
    sqs = pump.client("sqs")
    for body in ("good 1", "bad 1", "good 2"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    wait_until(lambda: seen.read_text().splitlines().count("bad 1") >= 2, 20, "the failed message's return")
    assert [seen.read_text().splitlines().count(body) for body in ("good 1", "good 2")] == [1, 1]
    assert left(pump, url) == 1
    function.api.delete_event_source_mapping(UUID=uuid)


def test_a_function_that_fails_gets_all_messages_again(pump, tmp_path):
    url, arn = queue(pump)
    answer = '        post(f"invocation/{request}/response", json.dumps({"batch'
    failing = PARTIAL.replace(answer, f"        sys.exit(1)\n{answer}")
    seen = tmp_path / "seen"
    seen.touch()
    function = Function(pump, Code={"ZipFile": package(failing)}, Environment={"Variables": {"SEEN": str(seen)}})
    uuid = function.api.create_event_source_mapping(EventSourceArn=arn, FunctionName=function.name)["UUID"]
    pump.client("sqs").send_message(QueueUrl=url, MessageBody="again")
    wait_until(lambda: seen.read_text().splitlines().count("again") >= 2, 20, "the message's return")
    assert left(pump, url) == 1
    function.api.delete_event_source_mapping(UUID=uuid)


def test_objects_are_told_even_those_written_while_no_pump_ran(aws, pump):
    url, arn = queue(aws, visibility=30)
    s3, sqs = aws.client("s3"), aws.client("sqs")
    s3.create_bucket(Bucket="told")
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "raw/"}]}}}
    s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration={"QueueConfigurations": [rule]})
    processes.stop([processes.find(aws.home, "pump")])
    s3.put_object(Bucket="told", Key="raw/a=1/one", Body=b"1")
    s3.put_object(Bucket="told", Key="other/two", Body=b"2")
    aws.run("pump", "tests.stack.pump.run")
    s3.put_object(Bucket="told", Key="raw/three", Body=b"3")
    keys: set[str] = set()

    def receive() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            body = json.loads(message["Body"])
            keys.update(event["s3"]["object"]["key"] for event in body.get("Records", []))  # S3's test event has none
        return len(keys) >= 2

    wait_until(receive, 20, "both events")
    assert keys == {"raw/a%3D1/one", "raw/three"}
