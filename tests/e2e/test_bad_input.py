"""Bad input (tests named after the cases of the fault list): a clear error or a quarantined row, and nothing lost."""

import json
import os
import subprocess
from pathlib import Path

import boto3
import pika
import pytest

from tests.e2e import orders
from tests.readers.lake import CREDENTIALS
from tests.stack import Stack
from tests.stack.binaries import FUNCTIONS

PIPELINE = Path(__file__).parent / "pipelines" / "orders.yaml"

POISON = {
    "empty body": b"",
    "blank": b" \n",
    "not JSON": b"hello",
    "cut short": b'{"id": "x", "name": "y',
    "JSON array": b'[{"id": "x"}]',
    "JSON null": b"null",
    "nested 10^5 deep": b'{"id":"x","name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "number out of range": b'{"id":"x","name":"y","tier":1e400}',
    "duplicate keys": b'{"id":"x","id":"y"}',
    "invalid UTF-8": b'{"id":"\xff\xfe"}',
    "half a surrogate": b'{"id":"\\ud800"}',
    "no key": b'{"name":"nobody"}',
    "key is null": b'{"id":null}',
    "two documents": b'{"id":"x"}{"id":"y"}',
    "a compressed body": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=PIPELINE) as stack:
        yield orders.scenario(stack)


def test_case_19_poison_first_of_500(scenario):
    poison = scenario.message("customers", b"\x00poison", "quarantine")
    good = [customer(scenario, f"after-{number}") for number in range(499)]
    scenario.publish([poison, *good])
    scenario.assert_equal()
    assert scenario.lake.counts()["customers"] == 499


def test_case_29_every_kind_of_poison_and_the_next_message_unharmed(scenario):
    for name, body in POISON.items():
        scenario.publish([scenario.message("customers", body, "quarantine"), customer(scenario, f"after {name}")])
    scenario.assert_equal()
    kept = {bytes(row["_body"]) for row in scenario.lake.rows("customers_quarantine")}
    assert set(POISON.values()) <= kept, "quarantine keeps the body, byte for byte"


def test_case_2_an_unfit_queue_is_refused_and_every_missing_argument_named(scenario):
    """The queue of a stream is replaced by a classic one without anything: the bridge must not consume from it."""
    stack = scenario.stack
    scenario.wait_until_idle()
    stack.kill("bridge")
    channel = pika.BlockingConnection(pika.URLParameters(stack.record["amqp_url"])).channel()
    channel.queue_delete("customers.state")
    channel.queue_declare("customers.state", durable=True)
    try:
        done = bridge(stack, "--check")
        assert done.returncode != 0
        for argument in (
            "x-queue-type",
            "x-single-active-consumer",
            "x-delivery-limit",
            "x-dead-letter-exchange",
            "x-dead-letter-strategy",
            "x-overflow",
        ):
            assert argument in done.stdout + done.stderr
        assert "customers.state" in done.stdout + done.stderr
    finally:
        channel.queue_delete("customers.state")
        assert stack.foz("queues", "--apply").returncode == 0
        stack.restart("bridge")
    scenario.publish([customer(scenario, "fit again")])
    scenario.assert_equal()


def test_case_31_amqp_without_tls_is_refused_and_no_secret_shown(scenario):
    env = {**scenario.stack.env("bridge"), "FOZ_AMQP_URL": "amqp://someone:hush-hush@127.0.0.1:1/%2f"}
    env.pop("FOZ_LOCAL")
    done = bridge(scenario.stack, "--check", env=env)
    assert done.returncode != 0
    assert "amqps" in done.stdout + done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_no_password_and_no_payload_in_any_log(scenario):
    secret = "guest:guest@"
    for log in Path(scenario.stack.record["log_folder"]).glob("*.log"):
        if log.stem.startswith(("bridge", *FUNCTIONS)):
            text = log.read_text(errors="replace")
            assert secret not in text, log.name
            assert "Customer after-1" not in text, log.name


def test_case_30_foreign_and_malformed_hints_are_ignored(scenario):
    """Hints are only hints: what does not concern us is passed over, and what does still flows. Last: its object stays."""
    sqs = client(scenario, "sqs")
    url = sqs.list_queues()["QueueUrls"]
    hints = next(name for name in url if name.rsplit("/", 1)[1] == scenario.stack.record["hint_queue"])
    for hint in (
        s3_event("a-bucket-of-somebody-else", "raw/stream=orders/date=2026-01-01/1-1-00.parquet"),
        s3_event(scenario.lake.bucket, "elsewhere/object"),
        s3_event(scenario.lake.bucket, "raw/stream=unknown/date=2026-01-01/1-1-" + 32 * "0" + ".parquet"),
        s3_event(scenario.lake.bucket, "raw/%F0%9F%90"),
        '{"group":"no_such_group"}',
        '{"group":17}',
        "no JSON at all",
    ):
        sqs.send_message(QueueUrl=hints, MessageBody=hint)
    scenario.lake.s3.put_object(Bucket=scenario.lake.bucket, Key="elsewhere/object", Body=b"x")
    # The bucket takes nothing below raw/ that could overwrite, and lets nothing there go.
    scenario.lake.s3.put_object(Bucket=scenario.lake.bucket, Key="raw/foreign.txt", Body=b"x", IfNoneMatch="*")
    scenario.publish(orders.story(scenario, "hints", 20))
    scenario.wait_until_idle()
    [foreign] = scenario.differences()
    assert "raw objects that no batch names, such as raw/foreign.txt" in foreign


def customer(scenario, name):
    return orders.customer_message(scenario, name, tier=1)


def client(scenario, service):
    keys = {"aws_access_key_id": CREDENTIALS, "aws_secret_access_key": CREDENTIALS}
    return boto3.client(service, endpoint_url=scenario.lake.endpoint, region_name=scenario.lake.region, **keys)


def s3_event(bucket, key):
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}}}
    return json.dumps({"Records": [record]})


def bridge(stack, *arguments, env=None):
    """Runs another bridge process to its end."""
    command = [str(stack.binary("bridge")), *arguments]
    return subprocess.run(command, env={"PATH": os.environ["PATH"], **(env or stack.env("bridge"))}, capture_output=True, text=True, timeout=60)
