"""The second front door: a stream that Lambda's event source mapping brings, beside a group that the bridge serves."""

import base64
import json
import os
import shutil
import signal
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import pika
import pytest

from tests.e2e import orders, readings
from tests.e2e.readings import GROUP, QUEUE, STREAM, Mapping, reading, story
from tests.e2e.scenario import Scenario
from tests.flow import uncatalogued
from tests.management import Management
from tests.stack import Stack
from tests.waiting import wait_for

PIPELINES = Path(__file__).parent / "pipelines"
# Small events, so that there are many.
SIZE = 20


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=PIPELINES / "mapping.yaml") as stack:
        Mapping(stack).cut(SIZE)
        yield Scenario(stack, ("customers", "orders", STREAM), ("orders",))


@pytest.fixture
def mapping(scenario):
    return Mapping(scenario.stack)


def assert_equal(scenario: Scenario) -> None:
    """Everything once, in the order of its queue, and nothing went back."""
    scenario.assert_equal(killed=True, deadline=180)
    assert readings.out_of_order(scenario.lake) == []
    assert readings.went_back(scenario.lake) == []


def test_both_doors_lead_to_the_tables(scenario):
    scenario.publish([*orders.story(scenario, "both", 60), *story(scenario, 300)])
    scenario.assert_equal()
    assert readings.out_of_order(scenario.lake) == []
    assert scenario.lake.groups() == ["customers", GROUP]
    assert all(row["_published_at"] for row in scenario.lake.rows(f"{STREAM}_changes")), "the time is read from Java's text"


def test_status_shows_both(scenario):
    scenario.wait_until_idle()
    # The broker counts what is unacknowledged every few seconds.
    look = lambda: scenario.stack.foz("status", "--json")
    wait_for("nothing to wait anywhere", lambda: look().returncode == 0, seen=lambda: look().stdout)
    status = look()
    groups = {group["group"]: group for group in json.loads(status.stdout)["groups"]}
    assert groups.keys() == {"customers", GROUP}
    [stream] = groups[GROUP]["streams"]
    assert (stream["stream"], stream["queue"], stream["messages"]) == (STREAM, QUEUE, scenario.published[STREAM])
    assert groups[GROUP]["pending"] == 0 and not groups[GROUP]["halted"]


def test_the_pump_dies_again_and_again_while_messages_flow(scenario, mapping):
    stack, lake = scenario.stack, scenario.lake
    threads = scenario.publish_together(orders.story(scenario, "pump", 100), story(scenario, 1500))
    # Only upwards: what was given back once and is given back again goes behind what a smaller prefetch left in the queue.
    for size in (SIZE + 1, SIZE + 7, 2 * SIZE, 3 * SIZE):
        seen = lake.watermarks(GROUP).next_sequence
        wait_for("two more batches, or the end", lambda: lake.watermarks(GROUP).next_sequence > seen + 1 or not uncatalogued(lake, scenario.published))
        stack.kill("pump")
        mapping.cut(size)  # what is given back is cut elsewhere
        stack.restart("pump")
    for thread in threads:
        thread.join()
    assert_equal(scenario)
    mapping.cut(SIZE)


@pytest.mark.parametrize("point", ["ingest.after_put", "ingest.after_commit", "ingest.after_hint"])
def test_ingest_dies(scenario, point):
    strike = scenario.stack.arm(point, "exit")
    scenario.publish(story(scenario, 70))
    wait_for(f"{point} to be passed", lambda: not strike.exists())
    assert_equal(scenario)


@pytest.mark.parametrize("size", [SIZE - 7, SIZE + 9])
@pytest.mark.parametrize("point", ["ingest.after_put", "ingest.after_commit"])
def test_ingest_and_the_pump_die_and_the_messages_are_cut_elsewhere(scenario, mapping, point, size):
    """What was committed and never acknowledged comes again in events of other sizes; ingest dies once more while it compares."""
    stack = scenario.stack
    hung = stack.arm(point, "hang")
    scenario.publish(story(scenario, 3 * SIZE))
    wait_for(f"{point} to be passed", lambda: not hung.exists())
    stack.kill("pump")
    stack.kill("ingest")
    mapping.cut(size)
    strike = stack.arm("ingest.after_tail", "exit")
    stack.restart("pump")
    wait_for("the tail to be read", lambda: not strike.exists())
    assert_equal(scenario)
    mapping.cut(SIZE)


def test_a_batch_that_fails_comes_again_whole(scenario):
    for _ in range(3):
        strike = scenario.stack.arm("ingest.after_put", "error")
        scenario.publish(story(scenario, SIZE))
        wait_for("the failure", lambda: not strike.exists())
    assert_equal(scenario)


def test_a_batch_that_is_throttled_waits(scenario, mapping):
    api = scenario.stack.client("lambda")
    before = api.get_function_concurrency(FunctionName=mapping.ingest).get("ReservedConcurrentExecutions")
    api.put_function_concurrency(FunctionName=mapping.ingest, ReservedConcurrentExecutions=0)
    look(scenario.stack)
    refused = mapping.logged("messages wait for their next time")
    scenario.publish([*orders.story(scenario, "throttled", 20), *story(scenario, 2 * SIZE)])
    mapping.await_log("messages wait for their next time", refused + 2)
    assert uncatalogued(scenario.lake, {STREAM: scenario.published[STREAM]})
    if before is None:
        api.delete_function_concurrency(FunctionName=mapping.ingest)
    else:
        api.put_function_concurrency(FunctionName=mapping.ingest, ReservedConcurrentExecutions=before)
    look(scenario.stack)
    assert_equal(scenario)


def look(stack: Stack) -> None:
    """Has the Lambda host see a change now."""
    urllib.request.urlopen(urllib.request.Request(f"{stack.record['lambda_endpoint_url']}/_foz/refresh", method="POST")).close()


HEADERS = {
    "text": "é🛫",
    "empty": "",
    "not UTF-8": b"\xff\x00",
    "yes": True,
    "none": None,
    "long": -(2**40),
    "price": Decimal("1.25"),
    "list": ["a", 1, ["b"]],
    "table": {"in": {"side": "c"}},
    "ключ": 7,
}
MARKER = {"x-foz-epoch": 1, "x-foz-marker": 0}


def test_case_28_29_odd_headers_properties_and_bodies(scenario):
    """Whatever a message carries, it arrives, and so does the next one."""
    odd = reading(scenario)
    milliseconds = reading(scenario)
    copied = reading(scenario)
    large = reading(scenario)
    poison = [scenario.message(STREAM, body, "quarantine") for body in (b"", b"\x00\xff", b"[1]", b'{"sensor":null}', b'{"sensor":"s","sensor":"s"}')]
    last = reading(scenario)
    channel = pika.BlockingConnection(pika.URLParameters(scenario.stack.record["amqp_url"])).channel()
    channel.confirm_delivery()

    def publish(message, **properties) -> None:
        told = pika.BasicProperties(message_id=message.message_id, **properties)
        channel.basic_publish("", QUEUE, message.body, told, mandatory=True)

    everything = {"content_type": "text/x", "content_encoding": "é", "correlation_id": "c", "reply_to": "r", "expiration": "3600000"}
    publish(odd, headers=HEADERS, timestamp=2**32, delivery_mode=2, priority=9, type="t", user_id="guest", app_id="a", cluster_id="i", **everything)
    publish(milliseconds, timestamp=1_800_000_000_000)
    publish(copied, headers=MARKER)  # a message that copies our headers is data
    publish(large, headers={"pad": "x" * 100_000})
    for message in poison:
        publish(message)
    channel.basic_publish("", QUEUE, b"", pika.BasicProperties(headers=MARKER), mandatory=True)  # a bridge's, which served the queue once
    publish(last)
    channel.connection.close()
    assert_equal(scenario)
    kept = {row["message_id"]: row for row in raw_rows(scenario)}
    row = kept[odd.message_id]
    assert {name: row[name] for name in everything} == everything
    assert (row["type"], row["user_id"], row["app_id"], row["cluster_id"], row["priority"]) == ("t", "guest", "a", "i", 9)
    assert row["published_at"].timestamp() == 2**32
    headers = {name: (value["type"], value["value"]) for name, value in row["headers"]}
    assert headers["text"] == ("string", "é🛫") and headers["empty"] == ("string", "")
    assert headers["long"] == ("int64", str(-(2**40))) and headers["ключ"] == ("int64", "7")
    assert headers["yes"] == ("bool", "true") and headers.keys() == HEADERS.keys()
    assert json.loads(headers["table"][1]) == {"in": {"side": "c"}}
    assert json.loads(headers["list"][1]) == ["a", 1, ["b"]]
    assert kept[milliseconds.message_id]["published_at"] is None


def test_case_28_events_that_are_not_as_documented(scenario, mapping):
    """Told to ingest by hand, as no poller would: what is malformed ends in quarantine, what is unknown is kept, nothing stops."""
    scenario.wait_until_idle()
    damaged = [scenario.message(STREAM, b"", "quarantine") for _ in range(2)]
    odd = reading(scenario)
    records = [
        *({"basicProperties": {"messageId": message.message_id}, "redelivered": False, **data} for message, data in zip(damaged, ({"data": "%"}, {}))),
        {
            "basicProperties": {"messageId": odd.message_id, "timestamp": "soon", "brandNew": {"a": 1}},
            "redelivered": False,
            "data": base64.b64encode(odd.body).decode(),
        },
    ]
    invoked = lambda queue: invoke(scenario.stack, mapping.ingest, {"rmqMessagesByQueue": {queue: records}})
    first, again = invoked(f"{QUEUE}::/"), invoked(f"{QUEUE}::/")
    assert [first[0]["repeated"], again[0]["repeated"]] == [False, True] and first[0]["sequence"] == again[0]["sequence"]
    refused = invoked(f"{QUEUE}::/elsewhere")
    assert refused["errorType"] == "event" and "door: mapping" in refused["errorMessage"]
    assert_equal(scenario)
    [kept] = [dict(row["headers"]) for row in raw_rows(scenario) if row["message_id"] == odd.message_id]
    assert (kept["foz-event-brandNew"]["value"], kept["foz-event-timestamp"]["value"]) == ('{"a":1}', '"soon"')
    reasons = {row["_body"][: len(b'["data is')] for row in scenario.lake.rows(f"{STREAM}_quarantine")}
    assert b'["data is' in reasons, "the body says why"


def invoke(stack: Stack, function: str, event: dict) -> Any:
    """What a function answers."""
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read())


def raw_rows(scenario) -> list[dict]:
    """The stream's raw messages."""
    keys = [batch["raw_key"] for batch in scenario.lake.batches(GROUP)]
    return [row for key in keys for row in scenario.lake.raw(key).to_pylist()]


def test_case_7_a_message_beyond_the_limit_is_dropped_by_the_mapping_and_the_next_ones_flow(scenario, mapping):
    """As AWS documents it, and docs/pipeline.md warns. Just below the limit nothing is lost."""
    body = b'{"sensor":"large","state":"on","value":0,"pad":"' + b"x" * 4_000_000 + b'"}'
    messages = [reading(scenario), scenario.message(STREAM, body, key=("large",), row={"value": 0}), reading(scenario)]
    channel = pika.BlockingConnection(pika.URLParameters(scenario.stack.record["amqp_url"])).channel()
    channel.confirm_delivery()
    channel.basic_publish("", QUEUE, b"x" * 5_000_000, mandatory=True)
    channel.connection.close()
    scenario.publish(messages)
    scenario.wait_until_idle()
    mapping.await_log("a message of 5000000 bytes is too large for an event, and dropped")
    assert_equal(scenario)


def test_a_stream_changes_its_door_and_back(scenario, mapping, tmp_path):
    """Each takes the group over from the other while nothing is in flight."""
    stack, lake = scenario.stack, scenario.lake
    shutil.copytree(PIPELINES / "sql", tmp_path / "sql")
    by_bridge = tmp_path / "pipeline.yaml"
    by_bridge.write_text((PIPELINES / "mapping.yaml").read_text().replace("    door: mapping\n", ""))
    for pipeline in (by_bridge, PIPELINES / "mapping.yaml"):
        scenario.wait_until_idle()
        epoch, consumers = lake.watermarks(GROUP).epoch, mapping.logged(f"consumes {QUEUE}, at most")
        stack.change(pipeline)
        scenario.publish([*orders.story(scenario, f"door-{epoch}", 10), *story(scenario, 3 * SIZE)])
        assert_equal(scenario)
        assert lake.watermarks(GROUP).epoch > epoch, "the new door took the group"
        assert (mapping.logged(f"consumes {QUEUE}, at most") > consumers) == (pipeline != by_bridge)


@pytest.mark.xfail(strict=True, reason="ingest compares with the tail only what is marked as redelivered")
def test_an_execution_that_is_late_brings_nothing_twice(scenario, mapping):
    """The pump dies, its execution sleeps; another one brings the messages; then the first wakes up, and nobody waits for it.
    Nothing in its event says that it is late: the messages came for the first time when it got them. Last: what it doubles stays."""
    stack = scenario.stack
    stack.restart("ingest")
    mapping.cut(SIZE)
    scenario.publish(story(scenario, SIZE))
    scenario.wait_until_idle()
    [asleep] = stack.record["functions_running"]["ingest"]
    # How often it has answered, or nothing if it is gone.
    answered = lambda: [each["answered"] for each in stack.environments("ingest") if each["pid"] == asleep]
    before = answered()
    os.kill(asleep, signal.SIGSTOP)
    try:
        scenario.publish(story(scenario, SIZE))
        held = lambda: Management(stack.record["management_url"]).queue(QUEUE).get("messages_unacknowledged") == SIZE
        wait_for("the messages to be with the function", held)
        stack.kill("pump")
        stack.restart("pump")
        scenario.wait_until_idle()
        scenario.publish(story(scenario, SIZE))  # its batch is not the stream's last one any more
        scenario.wait_until_idle()
    finally:
        os.kill(asleep, signal.SIGCONT)
    wait_for("the late execution to end", lambda: answered() != before)
    scenario.publish(story(scenario, 3 * SIZE))
    assert_equal(scenario)
