"""Any pipeline and any JSON: every type, composite keys, two groups at once, with and without version and transform."""

import json
import random
import urllib.request
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.e2e.scenario import Scenario
from tests.e2e.things import gone, random_key, things
from tests.readers.duck import Duck
from tests.stack import Stack
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def scenario():
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stopping:
        # Requests are counted as in production, where tables as small as these are written anew.
        patch.delenv("FOZ_REWRITE_BELOW", raising=False)
        stack = stopping.enter_context(Stack(pipeline=Path(__file__).parent / "pipelines" / "shapes.yaml"))
        yield Scenario(stack, ("places", "legs", "things"), versioned=("legs",))


def test_every_type_and_both_groups(scenario):
    """One test, since the point is that both groups run at once."""
    scenario.publish([*places_and_legs(scenario), *all_things(scenario)])
    assert_groups(scenario)
    scenario.assert_equal()


def assert_groups(scenario):
    scenario.wait_until_idle()
    assert scenario.lake.groups() == ["legs", "things"], "groups are named after their first stream"


def test_duckdb_reads_every_type(scenario):
    duck = {row["_message_id"]: row for row in Duck(scenario.lake).rows("things_changes")}
    ours = {row["_message_id"]: row for row in scenario.lake.rows("things_changes")}
    assert duck.keys() == ours.keys()
    for name, row in ours.items():
        for column in ("id", "part", "flag", "price", "day", "at", "wall", "bytes", "words", "nest"):
            assert duck[name][column] == row[column], f"{name}.{column}"


def test_a_message_beyond_the_types_is_quarantined_alone(scenario):
    bad = [
        {"id": 2**63, "part": "x"},
        {"id": 1, "part": "x", "small": 2**31},
        {"id": 1, "part": "x", "small": 1.5},
        {"id": 1, "part": "x", "day": "2026-02-30"},
        {"id": 1, "part": "x", "at": 1_700_000_000},
        {"id": 1, "part": "x", "wall": "2026-01-01T00:00:00Z"},
        {"id": 1, "part": "x", "nest": {"b": {"d": [{"f": 1.234}]}}},
        {"id": 1, "part": "x", "words": "not a list"},
        {"id": 1},
        {"id": None, "part": "x"},
    ]
    messages = [scenario.message("things", body, "quarantine") for body in bad]
    messages += list(thing_messages(scenario, 20, seed=5))
    scenario.publish(messages)
    scenario.assert_equal()


# Requests of the programs for one batch of one message that replaces a row (docs/cost.md). Of S3's reads those of
# manifests are left out: there is one for each manifest of the history and of the current table. Of DynamoDB's, one race
# between dispatchers is let in, which costs the loser a transaction of two items, a look and a hint: 28 units, 17 reads and
# five hints else.
MOST = {
    "s3 PUT": 11,
    "s3 GET beside manifests": 20,
    "dynamodb write units": 32,
    "dynamodb GetItem": 23,
    "dynamodb Query": 3,
    "glue GetTable": 6,
    "glue UpdateTable": 2,
    "sqs SendMessage": 6,
}


def test_a_batch_that_replaces_a_row_takes_no_more_requests_than_it_did(scenario):
    """The least of several batches: what comes by the clock, such as the sweep, is in one or the other."""
    scenario.publish(thing_messages(scenario, 1, seed=9))
    takes = [batch_taken(scenario)]
    while excess({kind: min(take.get(kind, 0) for take in takes) for kind in MOST}):
        assert len(takes) < 6, json.dumps(takes)
        takes.append(batch_taken(scenario))
    scenario.assert_equal()


def batch_taken(scenario) -> dict[str, int]:
    """The requests that one more batch takes, by kind."""
    wait_for_rest(scenario)
    before, listed = requests(scenario), manifests(scenario)
    scenario.publish(thing_messages(scenario, 1, seed=9))
    wait_for_rest(scenario)
    take = {kind: count - before.get(kind, 0) for kind, count in requests(scenario).items()}
    return take | {"s3 GET beside manifests": take["s3 GET"] - listed}


def wait_for_rest(scenario) -> None:
    """Waits until everything is in the tables, and dispatch has nothing more to look at."""
    scenario.wait_until_idle()
    wait_for("the last hint to be worked on", lambda: not waiting_hints(scenario))


def excess(least: dict[str, int]) -> dict[str, int]:
    """The kinds of which there were too many, or none at all: then the count is wrong."""
    return {kind: count for kind, count in least.items() if not 0 < count <= MOST[kind]}


def requests(scenario) -> dict[str, int]:
    """The programs' requests since the cloud's start, by kind."""
    with urllib.request.urlopen(f"{scenario.stack.record['aws_endpoint_url']}/_foz/requests") as answer:
        return json.load(answer)


def manifests(scenario) -> int:
    """The manifests that a consolidation opens."""
    tables = [scenario.lake.table(name) for name in ("things_changes", "things")]
    return sum(len(table.current_snapshot().manifests(table.io)) for table in tables)


def waiting_hints(scenario) -> int:
    """Hints in the queue, or with a dispatch."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = scenario.stack.record["hint_queue_url"]
    told = scenario.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in told.values())


def thing_messages(scenario, count, seed):
    for thing in things(count, seed):
        yield scenario.message("things", thing.body, key=(thing.row["id"], thing.row["part"]), row=thing.row)


def all_things(scenario):
    """States, deletions, and states after the deletion: without a version, the position decides."""
    yield from thing_messages(scenario, 300, seed=1)
    choose = random.Random(2)
    for _ in range(40):
        key = random_key(choose)
        thing = gone(key)
        yield scenario.message("things", thing.body, "delete", key, thing.row)
    yield from thing_messages(scenario, 30, seed=3)


def places_and_legs(scenario):
    choose = random.Random(4)
    codes = [(country, code) for country in ("PT", "BR", "São Tomé") for code in (1, 2, -(2**31))]
    for country, code in codes:
        row = {"country": country, "code": code, "name": f"{country} {code}"}
        yield scenario.message("places", row, key=(country, code), row=row)
    needs = (("places.state", len(codes)),)
    start = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=timezone.utc)
    for number in range(200):
        key = (choose.choice(("TP", "LA")), choose.randrange(40))
        a, b = choose.choice(codes), choose.choice(codes)
        # A null version is the oldest; the zone of a time is not part of it.
        changed = None if choose.random() < 0.1 else start + timedelta(seconds=choose.randrange(100))
        state = "gone" if choose.random() < 0.2 else "flying"
        zone = timezone(timedelta(hours=choose.randrange(-5, 6)))
        body = {
            "carrier": key[0],
            "number": key[1],
            "state": state,
            "from": {"country": a[0], "code": a[1]},
            "to": {"country": b[0], "code": b[1]},
            "changed": changed and changed.astimezone(zone).isoformat(),
        }
        row = {
            "carrier": key[0],
            "number": key[1],
            "state": state,
            "from_country": a[0],
            "from_code": a[1],
            "to_country": b[0],
            "to_code": b[1],
            "changed": changed,
            "way": f"{a[0]}>{b[0]}",
        }
        effect = "delete" if state == "gone" else "upsert"
        yield scenario.message("legs", body, effect, key, row, version=changed, needs=needs)
