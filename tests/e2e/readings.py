"""Readings of sensors, which come by Lambda's mapping: their values only ever grow, so an old state is known by its value."""

from __future__ import annotations


from tests.e2e.scenario import Scenario
from tests.publisher import Message
from tests.readers.lake import Lake
from tests.stack import Stack
from tests.waiting import wait_for

STREAM, QUEUE, GROUP = "readings", "readings.state", "readings"


def story(scenario: Scenario, count: int) -> list[Message]:
    """The next states of seven sensors; now and then one is gone, until its next state."""
    return [reading(scenario, gone=number % 11 == 10) for number in range(count)]


def reading(scenario: Scenario, gone: bool = False) -> Message:
    """The next state of a sensor."""
    value = scenario.published[STREAM]
    row = {"sensor": f"s{value % 7}", "state": "gone" if gone else "on", "value": value}
    return scenario.message(STREAM, row, "delete" if gone else "upsert", (row["sensor"],), row)


def out_of_order(lake: Lake) -> list[str]:
    """Messages that stand elsewhere in the history than they stood in the queue, found by the numbers in their names."""
    rows = sorted(lake.rows(f"{STREAM}_changes"), key=lambda row: (row["_sequence"], row["_index"]))
    names = [row["_message_id"] for row in rows]
    return [f"{one} before {other}" for one, other in zip(names, names[1:]) if one >= other]


def went_back(lake: Lake) -> list[str]:
    """Sensors that had an older state in a later image."""
    found, latest = [], {}
    for snapshot in lake.snapshots(STREAM):
        for row in lake.arrow(STREAM, ("sensor", "value"), snapshot.snapshot_id).to_pylist():
            before = latest.setdefault(row["sensor"], row["value"])
            if row["value"] < before:
                found.append(f"{row['sensor']} from {before} to {row['value']}")
            latest[row["sensor"]] = row["value"]
    return found


class Mapping:
    """The mapping that Terraform made."""

    def __init__(self, stack: Stack):
        self._stack, self._api = stack, stack.client("lambda")

    @property
    def ingest(self) -> str:
        """The function that it invokes."""
        return self._stack.record["functions"]["ingest"]

    def cut(self, size: int) -> None:
        """Limits its events to `size` messages, and waits until a pump that runs has seen it."""
        words = f"consumes {QUEUE}, at most {size} at a time"
        before = self.logged(words)
        [mapping] = [each for each in self._api.list_event_source_mappings()["EventSourceMappings"] if ":mq:" in each["EventSourceArn"]]
        self._api.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=size)
        if mapping["BatchSize"] != size and self._stack.alive("pump"):
            wait_for(words, lambda: self.logged(words) > before)

    def await_log(self, words: str, before: int = 0) -> None:
        """Waits until the pump has written this more often than `before`."""
        wait_for(f"`{words}` in the pump's log", lambda: self.logged(words) > before)

    def logged(self, words: str) -> int:
        """How often the pump has written this."""
        return self._stack.log("pump").count(words)
