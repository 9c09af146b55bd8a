"""Killing any process at any named point leads to the same end: nothing lost, nothing twice, no gap."""

import re
from pathlib import Path

import pytest

from tests.e2e import orders
from tests.flow import uncatalogued
from tests.readers.watcher import Watcher
from tests.stack import Stack
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
# Fail points that this pipeline does not pass by itself: `test_mapping.py` has ingest die at the first, `test_compaction.py`
# compact at the other.
OF_OTHERS = {"ingest.after_tail", "compact.before_end"}


def fail_points() -> list[str]:
    """Every fail point that this pipeline passes, so that none is forgotten here."""
    sources = (path.read_text() for folder in ("functions", "shared") for path in (ROOT / folder).rglob("src/**/*.rs"))
    names = {name for source in sources for name in re.findall(r'fail_point\(\s*"([a-z_.]+)"', source)}
    assert names >= OF_OTHERS
    return sorted(names - OF_OTHERS)


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        yield orders.scenario(stack)


@pytest.mark.parametrize("point", fail_points())
def test_killed_at(scenario, point):
    """Cases 4, 5, 17, 18: the process that passes the point next dies there as if by kill -9."""
    stack, process = scenario.stack, point.split(".")[0]
    strike = stack.arm(point, "exit")
    if process in ("transform", "consolidate"):
        # No hint reaches dispatch before all is catalogued: the run has both streams, whatever the machine's speed.
        stack.kill("pump")
    scenario.publish(orders.story(scenario, point, 40))
    if process in ("transform", "consolidate"):
        wait_for("all in the catalog", lambda: not uncatalogued(scenario.lake, scenario.published))
        stack.restart("pump")
    wait_for(f"{point} to be passed", lambda: not strike.exists())
    if process == "bridge":
        wait_for("the bridge to die", lambda: not stack.alive("bridge"))
        stack.restart("bridge")
    scenario.assert_equal(killed=True)


@pytest.mark.parametrize("point", [p for p in fail_points() if p.startswith("ingest.")])
def test_case_3_an_invoke_that_answers_with_a_function_error_is_repeated(scenario, point):
    strike = scenario.stack.arm(point, "error")
    scenario.publish(orders.story(scenario, f"error-{point}", 20))
    wait_for(f"{point} to be passed", lambda: not strike.exists())
    scenario.assert_equal(killed=True)


def test_processes_killed_at_any_time(scenario):
    """Bridge, pump and every function, one after the other, in mid-flow; a reader looks on."""
    stack, watcher = scenario.stack, Watcher(scenario.lake, orders.REFERENCES)
    watcher.start()
    threads = scenario.publish_together(*(orders.story(scenario, f"any{n}", 600) for n in range(2)))
    group = orders.REFERENCES.group
    for victim in ("ingest", "bridge", "transform", "pump", "dispatch", "consolidate", "bridge", "ingest"):
        seen = scenario.lake.watermarks(group).next_sequence
        wait_for("another batch, or the end", lambda: _moved(scenario, group, seen) or not any(t.is_alive() for t in threads))
        stack.kill(victim)
        stack.restart(victim)
    for thread in threads:
        thread.join()
    scenario.wait_until_idle(180)
    watcher.finish()
    assert watcher.dangling == []
    assert scenario.differences(killed=True) == []


def _moved(scenario, group, seen) -> bool:
    return scenario.lake.watermarks(group).next_sequence > seen
