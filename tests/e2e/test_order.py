"""Fault cases 35 and 36: order across queues, while publishers go at full speed and bridges die.

Three publishers confirm a customer before they publish an order that names it. At no observed moment, in the catalog's
order, in the snapshots of the history tables or in the images, may an order be there without its customer.
"""

import os
import signal
from pathlib import Path

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
    """What each publisher tells, at full speed."""
    return [orders.story(scenario, f"{when}-p{n}", ORDERS) for n in range(PUBLISHERS)]


def test_case_35_36_no_reference_dangles_while_bridges_die(scenario):
    stack, lake = scenario.stack, scenario.lake
    stack.start_bridge("bridge-2")
    watcher = Watcher(lake, orders.REFERENCES)
    watcher.start()
    for turn, victim in enumerate(("bridge", "bridge-2", "bridge", "bridge-2")):
        threads, seen = scenario.publish_together(*stories(scenario, turn)), lake.watermarks(GROUP).next_sequence
        wait_for("two more batches", lambda: lake.watermarks(GROUP).next_sequence >= seen + 2)
        # Whoever holds the group dies; the other one takes over.
        stack.kill(victim)
        stack.restart(victim)
        for thread in threads:
            thread.join()
    scenario.settle(180)
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
    scenario.settle()
    before, frozen = lake.watermarks(GROUP).epoch, stack.pid("bridge")
    os.kill(frozen, signal.SIGSTOP)
    try:
        # The broker would hold the frozen one's lock until its heartbeats are missed; this is faster.
        Management(stack.record["management_url"]).cut_connections()
        stack.restart("bridge-2")
        scenario.publish(orders.story(scenario, "after", 200))
        scenario.settle(180)
        epoch = lake.watermarks(GROUP).epoch
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert epoch > before, "the second bridge raised the epoch"
    scenario.publish(orders.story(scenario, "thawed", 50))
    scenario.assert_equal(killed=True)
    assert lake.watermarks(GROUP).epoch == epoch, "the thawed one did not take the group back"


def test_without_markers_references_would_dangle():
    """The same story with the bridge's markers switched off: what they are for, and that the check above can fail."""
    with Stack(pipeline=PIPELINE) as stack:
        stack.kill("bridge")
        stack.restart("bridge", env={"FOZ_SWITCH_MARKERS": "off"})
        scenario = orders.scenario(stack)
        for thread in scenario.publish_together(*stories(scenario)):
            thread.join()
        scenario.settle(180)
        order = CatalogOrder(scenario.lake, orders.REFERENCES)
        order.advance()
        assert order.messages == scenario.published.total()
        assert order.findings.dangling != []
