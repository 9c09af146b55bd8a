"""The shortest whole way: one group of two streams, a few hundred messages, every stage."""

from pathlib import Path

import pytest

from tests.e2e import orders
from tests.readers.watcher import check_snapshots
from tests.stack import Stack


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        yield orders.scenario(stack)


def test_a_few_hundred_messages_end_equal(scenario):
    scenario.publish(orders.story(scenario, "smoke", 100))
    scenario.assert_equal()


def test_a_second_round_adds_to_the_first(scenario):
    scenario.publish(orders.story(scenario, "again", 30))
    scenario.assert_equal()


def test_no_snapshot_of_history_or_image_dangles(scenario):
    for suffix in ("_changes", ""):
        findings = check_snapshots(scenario.lake, orders.REFERENCES, suffix)
        assert findings.references > 0
        assert findings.dangling == []
