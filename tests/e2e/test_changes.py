"""`pipeline.yaml` changes while the lake lives: what is there stays, and what is new flows."""

import shutil
from pathlib import Path

import pytest

from tests.e2e import orders
from tests.e2e.scenario import Scenario
from tests.stack import Stack
from tests.waiting import wait_for

PIPELINES = Path(__file__).parent / "pipelines"

ACCOUNTS = """\
  accounts:
    queue: accounts.state
    key: [number]
    references: { customer: customers }
    columns: { number: bigint, customer: string }
"""


@pytest.fixture
def stack():
    with Stack(pipeline=PIPELINES / "orders.yaml") as stack:
        yield stack


@pytest.fixture
def edited(tmp_path):
    """A function that edits the definition and answers the path of the result."""
    shutil.copytree(PIPELINES / "sql", tmp_path / "sql")

    def edit(old: str, new: str) -> Path:
        text = (PIPELINES / "orders.yaml").read_text()
        assert old in text
        path = tmp_path / "pipeline.yaml"
        path.write_text(text.replace(old, new))
        return path

    return edit


def test_a_stream_joins_and_the_group_gets_another_name(stack, edited):
    """The group is named after its first stream, `accounts` from now on; tables and sequences go on."""
    scenario = Scenario(stack, ("customers", "orders", "accounts"), ("orders",))
    scenario.publish(orders.story(scenario, "before", 30))
    scenario.wait_until_idle()
    scenario.begins["accounts"] = scenario.lake.watermarks("customers").next_sequence
    stack.change(edited("streams:\n", "streams:\n" + ACCOUNTS))
    story = orders.story(scenario, "after", 30)
    for number in range(30):
        row = {"number": number, "customer": f"after-c{number}"}
        story.append(scenario.message("accounts", row, key=(number,), row=row, needs=(("customers.state", 30),)))
    scenario.publish(story)
    scenario.wait_until_idle(180)
    assert scenario.lake.watermarks("accounts").next_sequence > scenario.begins["accounts"]
    assert scenario.differences() == []


def test_a_definition_that_does_not_fit_its_tables_stops_its_group_until_it_is_mended(stack, edited):
    scenario = orders.scenario(stack)
    scenario.publish(orders.story(scenario, "first", 10))
    scenario.wait_until_idle()
    stack.change(edited("    key: [id]\n    references", "    buckets: 3\n    key: [id]\n    references"))
    scenario.publish(orders.story(scenario, "second", 10))
    halted = lambda: '"halted":true' in stack.foz("status", "--json").stdout
    wait_for("the group to stand still", halted, seen=lambda: stack.foz("status").stdout)
    assert stack.foz("status").returncode == 1
    assert "buckets" in stack.foz("status", "--json").stdout
    stack.change(PIPELINES / "orders.yaml")
    scenario.wait_until_idle(180)
    assert scenario.differences() == []
