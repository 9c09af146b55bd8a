"""What happens to a lake before it is kept: every kind of item, object and table, and work in every state of being done.

Two doors, three streams: orders name customers and have a version, readings come by Lambda's mapping. Each message is told by
a number, so that what comes after the takeover can go on with the same entities.
"""

from __future__ import annotations

import json

from tests.e2e import orders, readings
from tests.e2e.scenario import Scenario
from tests.flow import uncatalogued
from tests.readers.lake import Lake
from tests.waiting import wait_for

STREAMS, VERSIONED = ("customers", "orders", readings.STREAM), ("orders",)
GROUP = orders.REFERENCES.group


def tell(scenario: Scenario) -> None:
    """Leaves the group of the orders with batches in images, in history alone, in an elected run, and in the catalog alone.

    From the second part on nothing brings hints, so that each step is taken when it is told to be.
    """
    stack, lake = scenario.stack, scenario.lake
    scenario.publish([*part(scenario, 1), *readings.story(scenario, 40)])
    scenario.wait_until_idle()
    stack.kill("pump")

    catalogue(scenario, 2)
    consolidation = stack.arm("consolidate.before_publish", "exit")
    sweep_until(scenario, "the run to end", lambda: lake.watermarks(GROUP).done == lake.watermarks(GROUP).next_sequence)
    sweep_until(scenario, "the consolidation to die", lambda: not consolidation.exists())

    catalogue(scenario, 3)
    run = stack.arm("transform.after_elect", "exit")
    sweep_until(scenario, "the elected run to die", lambda: not run.exists())

    catalogue(scenario, 4)
    check(lake)


def part(scenario: Scenario, number: int) -> list:
    """Orders of sixteen customers, told anew in each part: some change, some are deleted, some were deleted long ago; and two
    bodies that can be no row."""
    odd = [scenario.message(stream, b'{"id": 1, "id": 2}', "quarantine") for stream in ("customers", "orders")]
    return orders.story(scenario, "golden", 16, seed=number) + odd


def catalogue(scenario: Scenario, number: int) -> None:
    """Publishes another part and waits until the catalog has it."""
    scenario.publish(part(scenario, number))
    wait_for("all in the catalog", lambda: not uncatalogued(scenario.lake, scenario.published))


def sweep_until(scenario: Scenario, what: str, condition) -> None:
    """Has dispatch look at everything until the condition holds."""
    wait_for(what, lambda: sweep(scenario) or condition())


def sweep(scenario: Scenario) -> None:
    """What the schedule does each minute."""
    api, function = scenario.stack.client("lambda"), scenario.stack.record["functions"]["dispatch"]
    said = api.invoke(FunctionName=function, Payload=json.dumps({"sweep": True}))
    assert "FunctionError" not in said, said["Payload"].read()


def check(lake: Lake) -> None:
    """That the lake is as rich as it is meant to be."""
    [run] = [item for item in lake.items(GROUP, "R#") if item["state"] == "committing"]
    [consolidation] = [item for item in lake.items(GROUP, "C#") if item["state"] == "claimed"]
    w = lake.watermarks(GROUP)
    assert 0 < w.imaged < w.done < w.claimed < w.next_sequence
    assert (run["lo"], run["hi"]) == (w.done, w.claimed)
    assert (consolidation["lo"], consolidation["hi"]) == (w.imaged, w.done)
    for table in ("customers_quarantine", "orders_quarantine", "orders_tombstones"):
        assert lake.rows(table), table
