"""Fault cases 35 and 36: order across queues, while publishers go at full speed and bridges die.

Three publishers confirm a customer before they publish an order that names it. At no observed moment, in the catalog's
order, in the snapshots of the history tables or in the images, may an order be there without its customer.
"""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e import orders
from tests.readers.watcher import CatalogOrder, Watcher, check_snapshots
from tests.stack import Stack
from tests.waiting import wait_for

PUBLISHERS, ORDERS = 3, 1_500


@pytest.fixture
def stack():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        yield stack


def batches(lake) -> int:
    """Sequences given so far."""
    return lake.watermarks(orders.REFERENCES.group).next_sequence


def test_case_35_36_no_reference_dangles_while_bridges_die(stack):
    scenario = orders.scenario(stack)
    stack.start_bridge("bridge-2")
    watcher = Watcher(scenario.lake, orders.REFERENCES)
    watcher.start()
    threads = scenario.publish_together(*(orders.story(scenario, f"p{n}", ORDERS) for n in range(PUBLISHERS)))
    names = ["bridge", "bridge-2"]
    for killed in range(4):
        # Whoever holds the group dies; the other one takes over.
        seen, victim = batches(scenario.lake), names[killed % 2]
        wait_for("two more batches", lambda: batches(scenario.lake) >= seen + 2, seen=lambda: batches(scenario.lake))
        stack.kill(victim)
        stack.restart(victim)
    for thread in threads:
        thread.join()
    scenario.settle(180)
    watcher.finish()
    assert scenario.lake.watermarks(orders.REFERENCES.group).epoch >= 2, "the group changed hands"
    assert watcher.dangling == []
    assert watcher.order.messages == scenario.published.total()
    for suffix in ("_changes", ""):
        assert check_snapshots(scenario.lake, orders.REFERENCES, suffix).dangling == []
    assert scenario.differences(killed=True) == []


def test_case_36_a_frozen_bridge_loses_its_group_and_commits_nothing_when_thawed(stack):
    scenario = orders.scenario(stack)
    scenario.publish(orders.story(scenario, "before", 20))
    scenario.settle()
    frozen = stack.pid("bridge")
    os.kill(frozen, signal.SIGSTOP)
    try:
        stack.start_bridge("bridge-2")
        # The broker holds the frozen one's lock until its heartbeats are missed; cutting the connection is faster.
        stack.drop_connections("bridge")
        scenario.publish(orders.story(scenario, "after", 200))
        scenario.settle(180)
        epoch = scenario.lake.watermarks(orders.REFERENCES.group).epoch
    finally:
        os.kill(frozen, signal.SIGCONT)
    scenario.publish(orders.story(scenario, "thawed", 50))
    scenario.assert_equal(killed=True)
    assert scenario.lake.watermarks(orders.REFERENCES.group).epoch == epoch, "the thawed one did not take the group back"


def test_without_markers_references_would_dangle(stack):
    """The same story with the bridge's markers switched off: what they are for, and that the check can fail."""
    stack.kill("bridge")
    stack.restart("bridge", env={"FOZ_SWITCH_MARKERS": "off"})
    scenario = orders.scenario(stack)
    for thread in scenario.publish_together(*(orders.story(scenario, f"p{n}", ORDERS) for n in range(PUBLISHERS))):
        thread.join()
    scenario.settle(180)
    order = CatalogOrder(scenario.lake, orders.REFERENCES)
    order.advance()
    assert order.messages == scenario.published.total()
    assert order.findings.dangling != []
