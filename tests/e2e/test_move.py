"""A lake moves to another broker as docs/rabbitmq.md tells, and what is told there of shovels."""

import json
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e import orders
from tests.flow import uncatalogued
from tests.management import Management
from tests.publisher import Message, Publisher
from tests.stack import Stack
from tests.waiting import wait_for

QUEUES = [f"{stream}.state" for stream in orders.STREAMS]
# Another virtual host has queues, consumers and locks of its own: to Foz it is another broker.
OTHER = "other"


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        Management(stack.record["management_url"]).make_vhost(OTHER)
        yield orders.scenario(stack)


def url(scenario, vhost: str) -> str:
    """The broker's URL with this virtual host."""
    return scenario.stack.record["amqp_url"].rpartition("/")[0] + "/" + vhost


def publish(scenario, vhost: str, messages: Iterable[Message]) -> None:
    """Publishes there and waits for the confirms."""
    Publisher(url(scenario, vhost), QUEUES, messages).run()


def foz(scenario, vhost: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the CLI on the lake and that virtual host."""
    return scenario.stack.foz(*arguments, "--amqp-url", url(scenario, vhost))


def drain(scenario, vhost: str) -> int:
    """Has a bridge empty the queues there; its exit code."""
    env = scenario.stack.env("bridge") | {"FOZ_AMQP_URL": url(scenario, vhost)}
    return subprocess.run([scenario.stack.binary("bridge"), "--drain"], env=env, capture_output=True, timeout=120, check=False).returncode


def end_bridge(scenario) -> None:
    """Ends the bridge as a deployment does."""
    scenario.stack.kill("bridge", signal.SIGTERM)
    wait_for("the bridge to end", lambda: not scenario.stack.alive("bridge"))


def start_bridge(scenario, vhost: str) -> None:
    scenario.stack.start_bridge("bridge", {"FOZ_AMQP_URL": url(scenario, vhost)})


def test_input_35_after_a_crash_the_way_in_the_docs_brings_every_message_once(scenario):
    stack, old, new = scenario.stack, "%2f", OTHER
    strike = stack.arm("bridge.after_commit_before_ack", "exit")
    publish(scenario, old, orders.story(scenario, "before", 30))
    wait_for("the bridge to die between commit and acknowledgement", lambda: not strike.exists() and not stack.alive("bridge"))
    assert uncatalogued(scenario.lake, scenario.published), "it had more to do"

    assert foz(scenario, new, "queues", "--apply").returncode == 0
    publish(scenario, new, orders.story(scenario, "switched", 30))
    said = foz(scenario, old, "status")
    assert said.returncode == 1 and "no bridge holds the group" in said.stdout
    assert drain(scenario, old) == 0
    done = lambda: foz(scenario, old, "status")
    wait_for("the old broker to be done", lambda: done().returncode == 0, seen=lambda: done().stdout)

    start_bridge(scenario, new)
    publish(scenario, new, orders.story(scenario, "moved", 30))
    scenario.assert_equal(killed=True)
    back_to(scenario, old)


def back_to(scenario, vhost: str) -> None:
    """The way back, for the next test: the bridge that runs empties the queues, and is stopped."""
    here = lambda: foz(scenario, OTHER, "status")
    wait_for("the broker to be done", lambda: here().returncode == 0, seen=lambda: here().stdout)
    end_bridge(scenario)
    start_bridge(scenario, vhost)


def test_input_35_a_shovel_brings_what_was_taken_in_a_second_time_and_its_header_is_said(scenario):
    """Why the docs tell of another way, and the check that there is."""
    stack, old, new = scenario.stack, "%2f", OTHER
    stack.enable_plugin("rabbitmq_shovel")
    strike = stack.arm("bridge.after_commit_before_ack", "exit")
    publish(scenario, old, [orders.customer_message(scenario, "shovelled", tier=1)])
    wait_for("the bridge to die between commit and acknowledgement", lambda: not strike.exists() and not stack.alive("bridge"))
    before = len(stack.log("bridge"))
    shovel = {"src-uri": "amqp:///%2f", "src-queue": QUEUES[0], "dest-uri": f"amqp:///{new}", "dest-queue": QUEUES[0], "add-forward-headers": True}
    stack.rabbitmqctl("set_parameter", "shovel", "hush", json.dumps(shovel))
    empty = lambda: Management(stack.record["management_url"]).queue(QUEUES[0], new).get("messages", 0) == 1
    wait_for("the shovel to bring it", empty)
    stack.rabbitmqctl("clear_parameter", "shovel", "hush")
    start_bridge(scenario, new)
    said = lambda: stack.log("bridge", before).count("brings messages from another queue")
    wait_for("it to be said", said)
    scenario.published["customers"] += 1
    wait_for("it to be taken in again", lambda: not uncatalogued(scenario.lake, scenario.published))
    assert said() == 1
    assert "x-shovelled" in stack.log("bridge", before) and "hush" not in stack.log("bridge", before)
