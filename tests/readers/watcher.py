"""A reader that never stops looking for a reference that dangles: in the current tables, and in the catalog's order."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.oracle import key_text
from tests.readers.lake import Lake


@dataclass(frozen=True)
class References:
    """A stream's references: column of its table → referenced stream; and how to read them from a raw body."""

    stream: str
    group: str
    columns: dict[str, str]
    # A raw message of any stream of the group → (its own key or nothing if it is no state, {column: key it refers to}).
    parse: Callable[[str, bytes], tuple[tuple | None, dict[str, str | None]]]


@dataclass
class Findings:
    """What was looked at and what was found."""

    checks: int = 0
    references: int = 0
    dangling: list[str] = field(default_factory=list)


class CatalogOrder:
    """Follows the group's sequence: a message may only name what came at a lower position."""

    def __init__(self, lake: Lake, references: References):
        self._lake, self._references = lake, references
        self.next = 0
        self.messages = 0
        self._known: set[tuple[str, tuple]] = set()
        self.findings = Findings()

    def advance(self) -> None:
        """Reads what the catalog has got since."""
        for batch in self._lake.batches(self._references.group, self.next):
            if batch["sequence"] != self.next:
                self.findings.dangling.append(f"sequence {self.next} is missing before {batch['sequence']}")
            self.next = batch["sequence"] + 1
            self._batch(batch)
        self.findings.checks += 1

    def _batch(self, batch: dict) -> None:
        stream, r = batch["stream"], self._references
        for body in self._lake.raw(batch["raw_key"], ["body"])["body"].to_pylist():
            self.messages += 1
            key, named = r.parse(stream, body)
            if key is not None:
                self._known.add((stream, key))
            for column, value in named.items():
                if value is not None:
                    self.findings.references += 1
                    if (r.columns[column], (value,)) not in self._known:
                        self.findings.dangling.append(f"{stream} at {batch['sequence']}: {column} {value} came before it")


def check_current(lake: Lake, references: References, findings: Findings) -> None:
    """Reads the referrer first and the referenced tables after it, as the lake's users are told to."""
    rows = lake.arrow(references.stream, references.columns)
    if rows is None:
        return
    for stream in sorted(set(references.columns.values())):
        known = lake.arrow(stream, ["_key"])
        keys = set(known["_key"].to_pylist()) if known is not None else set()
        for column in (c for c, other in references.columns.items() if other == stream):
            named = {value for value in rows[column].to_pylist() if value is not None}
            findings.references += len(named)
            unknown = sorted(value for value in named if key_text((value,)) not in keys)
            findings.dangling += [f"{references.stream}.{column} {value} is unknown to {stream}" for value in unknown]
    findings.checks += 1


def check_snapshots(lake: Lake, references: References, suffix: str = "") -> Findings:
    """Every snapshot of the referrer against what the referenced tables held when it was committed."""
    findings = Findings()
    others = {s: lake.snapshots(s + suffix) for s in set(references.columns.values())}
    held: dict[tuple[str, int], set[str]] = {}
    for snapshot in lake.snapshots(references.stream + suffix):
        rows = lake.arrow(references.stream + suffix, references.columns, snapshot.snapshot_id)
        findings.checks += 1
        for column, stream in references.columns.items():
            earlier = [s for s in others[stream] if s.timestamp_ms <= snapshot.timestamp_ms]
            if not earlier and others[stream] and others[stream][0].parent_snapshot_id is not None:
                continue  # what it held then is no longer listed
            keys: set[str] = set()
            if earlier:
                at = (stream, earlier[-1].snapshot_id)
                if at not in held:
                    held[at] = set(lake.arrow(stream + suffix, ["_key"], at[1])["_key"].to_pylist())
                keys = held[at]
            named = {value for value in rows[column].to_pylist() if value is not None}
            findings.references += len(named)
            findings.dangling += [
                f"{references.stream}{suffix}@{snapshot.snapshot_id}: {column} {value} is unknown to {stream}"
                for value in sorted(named)
                if key_text((value,)) not in keys
            ]
    return findings


class Watcher(threading.Thread):
    """Checks current tables and catalog order again and again, until told to stop; then once more."""

    def __init__(self, lake: Lake, references: References, pause: float = 0.5):
        super().__init__(daemon=True, name="reader")
        self._lake, self._references, self._pause = lake, references, pause
        self._stop_event = threading.Event()
        self.current = Findings()
        self.order = CatalogOrder(lake, references)
        self.error: Exception | None = None

    @property
    def dangling(self) -> list[str]:
        """Everything found so far."""
        return self.current.dangling + self.order.findings.dangling

    def run(self) -> None:
        try:
            while not self._stop_event.wait(self._pause):
                self._check()
            self._check()
        except Exception as error:  # a thread's exception would otherwise be printed and forgotten
            self.error = error

    def _check(self) -> None:
        self.order.advance()
        check_current(self._lake, self._references, self.current)

    def finish(self) -> None:
        """Stops after a last check; raises what went wrong in between."""
        self._stop_event.set()
        self.join()
        if self.error:
            raise self.error


def parse_json(keys: dict[str, str], named: dict[str, dict[str, str]]) -> Callable:
    """A parser for bodies that are flat JSON objects: key field per stream, and per stream column → field."""

    def parse(stream: str, body: bytes) -> tuple[tuple | None, dict[str, str | None]]:
        try:
            state = json.loads(body)
            key = (state[keys[stream]],)
        except (ValueError, KeyError, TypeError):
            return None, {}
        return key, {column: state.get(name) for column, name in named.get(stream, {}).items()}

    return parse
