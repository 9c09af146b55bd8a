"""A debt in the catalog leads to a compaction, without hints and whoever dies, and nothing else takes notice of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import orders
from tests.stack import Stack
from tests.waiting import wait_for

GROUP = orders.REFERENCES.group


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        scenario = orders.scenario(stack)
        scenario.publish(orders.story(scenario, "compaction", 20))
        scenario.assert_equal()
        yield scenario


def owe(scenario) -> None:
    """Notes a debt, as consolidate does."""
    scenario.stack.client("dynamodb").update_item(
        TableName=scenario.stack.record["table"],
        Key={"pk": {"S": f"G#{GROUP}"}, "sk": {"S": "OUT"}},
        UpdateExpression="SET pending = :debt, pending_since = :now ADD debts :one",
        ExpressionAttributeValues={":debt": {"S": "debt"}, ":now": {"N": "1"}, ":one": {"N": "1"}},
    )


def sweep(scenario) -> None:
    """What the schedule does each minute."""
    api, function = scenario.stack.client("lambda"), scenario.stack.record["functions"]["dispatch"]
    said = api.invoke(FunctionName=function, Payload=json.dumps({"sweep": True}))
    assert "FunctionError" not in said, said["Payload"].read()


def states(scenario) -> list[str]:
    """How the group's compactions stand, by number."""
    return [item["state"] for item in scenario.lake.items(GROUP, "K#")]


def settled(scenario) -> bool:
    [out] = scenario.lake.items(GROUP, "OUT")
    return "pending" not in out


def test_a_debt_is_found_compacted_and_settled(scenario):
    owe(scenario)
    sweep(scenario)
    wait_for("a compaction and the end of the debt", lambda: states(scenario) == ["done"] and settled(scenario))
    [ran] = [job for job in runs(scenario) if job["kind"] == "compaction"]
    assert (ran["number"], ran["lo"], ran["hi"], ran["state"]) == (0, None, None, "done")
    scenario.publish(orders.story(scenario, "after", 20))
    scenario.assert_equal()


def test_killed_at_its_end_it_is_taken_over(scenario):
    before = len(states(scenario))
    strike = scenario.stack.arm("compact.before_end", "exit")
    owe(scenario)
    sweep(scenario)
    wait_for("the compaction to die", lambda: not strike.exists())
    wait_for("another attempt to end it", lambda: states(scenario)[before:] == ["done"] and settled(scenario))
    assert scenario.lake.items(GROUP, "K#")[before]["epoch"] == 2
    assert scenario.differences() == []


def runs(scenario) -> list[dict]:
    """What `foz runs` says, newest last."""
    said = scenario.stack.foz("runs", GROUP, "--json")
    assert said.returncode == 0, said.stderr
    return [json.loads(line) for line in said.stdout.splitlines()]
