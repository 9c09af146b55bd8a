"""Attempts that end before their job is done, in every way in which they can, and what becomes of the job."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.scenario import Scenario
from tests.flow import uncatalogued
from tests.publisher import Message, Publisher
from tests.stack import Stack
from tests.waiting import wait_for

DAY = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "attempts.yaml") as stack:
        yield Scenario(stack, ("boxes",))


def box(scenario, name, n=1, at="2026-07-01T12:00:00Z", day=DAY, effect="upsert"):
    return scenario.message("boxes", {"box": name, "n": n, "at": at}, effect, (name,), {"box": name, "day": day, "grown": "x" * n} if effect == "upsert" else None)


def two_batches(scenario, what):
    """Publishes two messages that become two batches, of which dispatch hears when all is catalogued."""
    scenario.wait_until_idle()
    scenario.stack.kill("pump")
    for number in range(2):
        scenario.publish([box(scenario, f"{what}-{number}")])
        wait_for("the batch to be catalogued", lambda: not uncatalogued(scenario.lake, scenario.published))
    return scenario.lake.watermarks("boxes").next_sequence


def group(scenario):
    """The group of the boxes as `foz status` shows it."""
    groups = json.loads(scenario.stack.foz("status", "--json").stdout)["groups"]
    return next(group for group in groups if group["group"] == "boxes")


def jobs(scenario):
    """What was done with the boxes' batches, in the order in which it began."""
    return [json.loads(line) for line in scenario.stack.foz("runs", "boxes", "--json", "--limit", "1000").stdout.splitlines()]


@pytest.mark.parametrize(
    ("point", "kind", "said"),
    [
        ("transform.before_stage", "panic", "fail point transform.before_stage"),
        ("transform.before_stage", "error", "fail point transform.before_stage"),
        ("transform.before_stage", "exit", "exit"),
        ("consolidate.before_publish", "panic", "fail point consolidate.before_publish"),
    ],
)
def test_input_3_protocol_6_what_fails_for_good_is_halved_and_stops_with_its_last_error(scenario, point, kind, said):
    end = two_batches(scenario, f"{point}-{kind}")
    strike = scenario.stack.arm(point, f"{kind} 6")
    scenario.stack.restart("pump")
    wait_for("the group to stand still", lambda: group(scenario)["halted"], 60, seen=lambda: group(scenario))
    assert not strike.exists()
    failed = next(job for job in jobs(scenario) if job["state"] == "failed")
    of = "run" if point.startswith("transform") else "consolidation"
    # A run is halved, so it is one batch; a consolidation keeps its range and goes in pieces of one.
    assert (failed["lo"], failed["hi"]) == (end - 2, end - 1 if of == "run" else end)
    assert f"3 attempts at {of} " in failed["error"] and said in failed["error"]
    shown = scenario.stack.foz("status")
    assert shown.returncode == 1 and said in shown.stdout and "--resume" in shown.stdout
    assert scenario.stack.foz("runs", "boxes", "--resume").returncode == 0
    scenario.assert_equal(killed=True)


def test_protocol_6_an_outage_is_tried_again_at_a_pace_and_is_no_fault(scenario):
    end = two_batches(scenario, "outage")
    strike = scenario.stack.arm("transform.before_stage", "outage 4")
    scenario.stack.restart("pump")
    wait_for("four outages", lambda: not strike.exists(), 90, seen=lambda: jobs(scenario)[-1:])
    scenario.assert_equal(killed=True)
    run = next(job for job in jobs(scenario) if (job["kind"], job["hi"]) == ("run", end))
    assert (run["lo"], run["state"], run["epoch"]) == (end - 2, "done", 5)


def test_input_8a_8b_years_that_engines_do_not_like_and_rows_of_gigabytes(scenario):
    last = datetime(9999, 12, 31, tzinfo=UTC)
    scenario.wait_until_idle()
    before = len(jobs(scenario))
    scenario.publish(
        [
            box(scenario, "before"),
            box(scenario, "9999", at="9999-12-31T23:59:59Z", day=last),
            box(scenario, "1500", at="1500-02-03T04:05:06Z", day=datetime(1500, 2, 3, tzinfo=UTC)),
            *(box(scenario, f"huge-{number}", n=200_000_000, effect="quarantine") for number in range(12)),
            box(scenario, "after"),
        ]
    )
    scenario.assert_equal()
    done = jobs(scenario)[before:]
    assert done and all((job["state"], job["epoch"]) == ("done", 1) for job in done)


def test_input_8c_a_consolidation_of_more_than_its_memory(scenario):
    """1,500 entities of 700 kB, which are small as messages."""
    walls = [Message("walls.state", json.dumps({"wall": number, "n": 700_000}).encode(), f"w-{number}") for number in range(1_500)]
    Publisher(scenario.stack.record["amqp_url"], ["walls.state"], walls).run()
    images = lambda: scenario.lake.counts().get("walls", 0)
    wait_for("all in the current table", lambda: images() == len(walls), 240, seen=lambda: (images(), scenario.stack.foz("runs", "walls").stdout))
    [run, *more] = [json.loads(line) for line in scenario.stack.foz("runs", "walls", "--json").stdout.splitlines()]
    assert all(job["epoch"] == 1 for job in [run, *more])
