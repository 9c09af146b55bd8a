"""Fault cases 35 and 36: order across queues, while publishers go at full speed and bridges die.

Three publishers confirm a customer before they publish an order that names it. At no observed moment, in the catalog's
order, in the snapshots of the history tables or in the images, may an order be there without its customer.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pika
import pytest

from tests.e2e import orders
from tests.management import Management
from tests.readers.watcher import CatalogOrder, Watcher, check_snapshots
from tests.stack import Stack
from tests.waiting import wait_for

PIPELINE = Path(__file__).parent / "pipelines" / "orders.yaml"
GROUP = orders.REFERENCES.group
PUBLISHERS, ORDERS = 3, 500


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=PIPELINE) as stack:
        yield orders.scenario(stack)


def stories(scenario, when="once"):
    """A story for each publisher."""
    return [orders.story(scenario, f"{when}-p{n}", ORDERS) for n in range(PUBLISHERS)]


def test_case_35_36_no_reference_dangles_while_bridges_die(scenario):
    stack, lake = scenario.stack, scenario.lake
    stack.start_bridge("bridge-2")
    watcher = Watcher(lake, orders.REFERENCES)
    watcher.start()
    for turn, victim in enumerate(("bridge", "bridge-2", "bridge", "bridge-2")):
        threads, seen = scenario.publish_together(*stories(scenario, turn)), lake.watermarks(GROUP).next_sequence
        wait_for("two more batches", lambda: lake.watermarks(GROUP).next_sequence >= seen + 2)
        # If the victim holds the group, the other one takes it over.
        stack.kill(victim)
        stack.restart(victim)
        for thread in threads:
            thread.join()
    scenario.wait_until_idle(180)
    watcher.finish()
    assert lake.watermarks(GROUP).epoch >= 2, "the group changed hands"
    assert watcher.dangling == []
    assert watcher.order.messages == scenario.published.total()
    for suffix in ("_changes", ""):
        assert check_snapshots(lake, orders.REFERENCES, suffix).dangling == []
    assert scenario.differences(killed=True) == []
    stack.kill("bridge-2")


def test_case_36_a_frozen_bridge_loses_its_group_and_commits_nothing_when_thawed(scenario):
    stack, lake = scenario.stack, scenario.lake
    scenario.publish(orders.story(scenario, "before", 20))
    scenario.wait_until_idle()
    before, frozen = lake.watermarks(GROUP).epoch, stack.pid("bridge")
    os.kill(frozen, signal.SIGSTOP)
    try:
        # The broker would hold the frozen one's lock until its heartbeats are missed; this is faster.
        Management(stack.record["management_url"]).cut_connections()
        stack.restart("bridge-2")
        scenario.publish(orders.story(scenario, "after", 200))
        scenario.wait_until_idle(180)
        epoch = lake.watermarks(GROUP).epoch
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert epoch > before, "the second bridge raised the epoch"
    scenario.publish(orders.story(scenario, "thawed", 50))
    scenario.assert_equal(killed=True)
    assert lake.watermarks(GROUP).epoch == epoch, "the thawed one did not take the group back"


OTHER_CONSUMER = """
import sys, time, pika
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1] + "?heartbeat=0")).channel()
channel.basic_qos(prefetch_count=1)
channel.basic_consume(sys.argv[2], lambda *_: None)
print("consumes", flush=True)
sys.stdin.read()
"""


class OtherConsumer:
    """A process that consumes a queue before the bridge does and never acknowledges: the bridge gets nothing from that queue."""

    def __init__(self, stack: Stack, queue: str):
        self._url, self._queue = stack.record["amqp_url"], queue
        command = [sys.executable, "-c", OTHER_CONSUMER, self._url, queue]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "consumes\n"

    def waiting(self) -> int:
        """Messages in the queue, the one that was delivered to this consumer included."""
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            return connection.channel().queue_declare(self._queue, passive=True).method.message_count + 1

    def die(self) -> None:
        """The next consumer gets everything from the first message on. (After a cancel it would get the second first.)"""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def lagging():
    """A stack without bridge, its scenario, and the other consumer of the customers."""
    with Stack(pipeline=PIPELINE) as stack:
        stack.kill("bridge")
        other = OtherConsumer(stack, "customers.state")
        yield orders.scenario(stack), other
        other.die()


def test_case_35_a_referenced_queue_that_lags_holds_back_who_refers_to_it(lagging):
    scenario, other = lagging
    scenario.stack.restart("bridge")
    scenario.publish(orders.story(scenario, "lag", 50))
    # One marker aligns the bridge with the queue, the other asks whether it has all the customers.
    wait_for("two markers among the customers", lambda: other.waiting() >= scenario.published["customers"] + 2)
    assert scenario.lake.watermarks(GROUP).next_sequence == 0
    other.die()
    scenario.wait_until_idle(180)
    order = CatalogOrder(scenario.lake, orders.REFERENCES)
    order.advance()
    assert order.findings.dangling == []
    assert scenario.differences() == []


def test_case_35_without_markers_references_would_dangle(lagging):
    """The same story with the bridge's markers switched off: what they are for, and that the check above can fail."""
    scenario, other = lagging
    scenario.stack.restart("bridge", env={"FOZ_SWITCH_MARKERS": "off"})
    scenario.publish(orders.story(scenario, "lag", 50))
    wait_for("orders in the catalog", lambda: scenario.lake.watermarks(GROUP).next_sequence > 0)
    other.die()
    scenario.wait_until_idle(180)
    order = CatalogOrder(scenario.lake, orders.REFERENCES)
    order.advance()
    assert order.messages == scenario.published.total()
    assert order.findings.dangling != []
