"""Silence is a state: whatever keeps messages from the tables, `foz status` says it, with the next step, and exits with 1."""

import json
from pathlib import Path
from typing import Any

import pika
import pytest

from tests.e2e import orders
from tests.management import Management
from tests.stack import Stack
from tests.waiting import wait_for

QUEUE = "orders.state"


@pytest.fixture(scope="module")
def stack():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        yield stack


@pytest.fixture(scope="module")
def told(stack):
    """What all tests of this module publish: they share queues and tables."""
    return orders.scenario(stack)


@pytest.fixture
def scenario(stack, told):
    yield told
    wait_for("nothing to wait anywhere", lambda: stack.foz("status").returncode == 0, seen=lambda: stack.foz("status").stdout)


@pytest.fixture
def channel(stack):
    connection = pika.BlockingConnection(pika.URLParameters(stack.record["amqp_url"]))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def look(stack: Stack) -> dict[str, Any]:
    """The group as `foz status --json` shows it."""
    [group] = json.loads(stack.foz("status", "--json").stdout)["groups"]
    return group


def wait_for_state(stack: Stack, words: str) -> dict[str, Any]:
    """The group once its state says so; then it also has a next step, and the command fails."""
    wait_for(f"the state {words!r}", lambda: words in look(stack)["state"], 60, seen=lambda: look(stack)["state"])
    group = look(stack)
    assert group["next_step"] and not group["up_to_date"]
    said = stack.foz("status")
    assert said.returncode == 1 and group["next_step"] in said.stdout
    return group


def wait_for_metric(stack: Stack, name: str, value: float, since: int) -> None:
    """Waits until the bridge tells this value of its group, after its log was that long."""

    def told() -> list[float]:
        lines = [json.loads(line) for line in whole_lines(stack.log("bridge", since)) if f'"{name}":' in line]
        return [line[name] for line in lines if line.get("group") == "customers"]

    wait_for(f"{name} to be {value}", lambda: value in told(), 60, seen=told)


def whole_lines(text: str) -> list[str]:
    """The lines of a log that is being written: neither what was cut off in front, nor what is not finished."""
    return text.split("\n")[1:-1]


def test_up_to_date_is_said_and_the_bridge_says_that_it_holds_the_group(stack, scenario):
    before = len(stack.log("bridge"))
    scenario.publish(orders.story(scenario, "calm", 5))
    scenario.assert_equal()
    wait_for("nothing to wait anywhere", lambda: look(stack)["up_to_date"], seen=lambda: look(stack)["state"])
    assert look(stack)["held"] and stack.foz("status").returncode == 0
    wait_for_metric(stack, "Holding", 1.0, before)


def test_input_1_4_messages_wait_and_no_bridge_is_there(stack, scenario):
    stack.kill("bridge")
    scenario.publish(orders.story(scenario, "alone", 5))
    group = wait_for_state(stack, "no bridge holds the group")
    assert group["held"] is False
    stack.restart("bridge")
    scenario.assert_equal()


def test_input_9_a_message_that_expires_is_counted_among_the_dead_letters(stack, scenario, channel):
    stack.kill("bridge")
    channel.basic_publish("", QUEUE, b"{}", pika.BasicProperties(expiration="1"))
    group = wait_for_state(stack, "are dead letters, in no table")
    assert {stream["queue"]: stream["dead_letters"] for stream in group["streams"]}[QUEUE] == 1
    before = len(stack.log("bridge"))
    stack.restart("bridge")
    wait_for_metric(stack, "DeadLetters", 1.0, before)
    channel.queue_purge(f"{QUEUE}.dead-letters")


@pytest.mark.parametrize(("name", "definition"), [("x-message-ttl", {"message-ttl": 3_600_000}), ("x-expires", {"expires": 3_600_000})])
def test_input_9_10_11_a_policy_that_comes_while_the_bridge_runs_is_seen_and_taken_back(stack, scenario, name, definition):
    management = Management(stack.record["management_url"])
    scenario.publish(orders.story(scenario, f"before {name}", 5))
    before = len(stack.log("bridge"))
    management.set_policy("hostile", "^orders[.]state$", definition)
    wait_for_state(stack, f"{name} is set")
    wait_for_metric(stack, "QueuesUnfit", 1.0, before)
    scenario.publish([orders.customer_message(scenario, f"during {name}", 1)])
    management.delete_policy("hostile")
    scenario.assert_equal()


def test_input_11_a_queue_that_is_deleted_while_the_bridge_runs_is_seen(stack, scenario, channel):
    wait_for("nothing to wait anywhere", lambda: look(stack)["up_to_date"], seen=lambda: look(stack)["state"])
    before = len(stack.log("bridge"))
    channel.queue_delete(QUEUE)
    wait_for_state(stack, f"queue {QUEUE} does not exist")
    wait_for_metric(stack, "QueuesUnfit", 1.0, before)
    channel.queue_declare(QUEUE, durable=True)
    wait_for_state(stack, "x-queue-type")
    channel.queue_delete(QUEUE)
    assert stack.foz("queues", "--apply").returncode == 0
    scenario.publish(orders.story(scenario, "again", 5))
    scenario.assert_equal()


def test_input_5_another_consumer_is_told(stack, scenario, channel):
    channel.basic_consume(QUEUE, lambda *_: None, auto_ack=False)
    wait_for_state(stack, f"somebody beside the bridge consumes {QUEUE}")
    channel.connection.close()
    wait_for("the other consumer to be gone", lambda: "somebody" not in look(stack)["state"])
