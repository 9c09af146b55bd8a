"""What the lake must hold, computed in plain Python from what was published. Shares no code with Foz.

For every message the oracle is told what should become of it; it keeps the history, the latest state of every key, and
what must be in quarantine, and compares them with tables that some reader has read.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """What should become of one message: `upsert` or `delete` with a key, a version and a row, or `quarantine`."""

    message_id: str
    op: str
    key: tuple = ()
    row: Row = field(default_factory=dict)
    version: Any = None


@dataclass
class Expected:
    """The expected tables of one stream, built message by message in the order of publication."""

    versioned: bool = False
    history: dict[str, Effect] = field(default_factory=dict)
    quarantine: set[str] = field(default_factory=set)
    latest: dict[tuple, Effect] = field(default_factory=dict)

    def add(self, effect: Effect) -> None:
        """The next message of the stream."""
        if effect.op == "quarantine":
            self.quarantine.add(effect.message_id)
            return
        self.history[effect.message_id] = effect
        before = self.latest.get(effect.key)
        if before is None or not self.versioned or not _older(effect.version, before.version):
            self.latest[effect.key] = effect

    @property
    def current(self) -> dict[tuple, Effect]:
        """The latest state of every key that is not deleted."""
        return {key: effect for key, effect in self.latest.items() if effect.op == "upsert"}


def _older(one: Any, other: Any) -> bool:
    """A version that is null is the oldest; a tie goes to the message that came later."""
    if one is None or other is None:
        return one is None and other is not None
    return one < other


def plain(value: Any) -> Any:
    """A value as it can be compared and hashed, whichever reader it came from."""
    if isinstance(value, dict):
        return tuple(sorted((key, plain(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return value


def key_text(key: tuple) -> str:
    """The canonical text of a key: a JSON array without blanks."""
    return json.dumps(list(key), separators=(",", ":"), ensure_ascii=False)


def differences(name: str, expected: Expected, current: list[Row], history: list[Row], quarantine: list[Row]) -> list[str]:
    """One sentence for everything in which the tables of a stream differ from what they must hold; few examples each."""
    return (
        _compare_current(name, expected, current)
        + _compare_history(f"{name}_changes", expected, history)
        + _compare_quarantine(f"{name}_quarantine", expected, quarantine)
    )


def _compare_current(table: str, expected: Expected, rows: list[Row]) -> list[str]:
    want = {key_text(key): effect for key, effect in expected.current.items()}
    return _compare(table, want, rows, "_key", lambda effect: {"_message_id": effect.message_id, **effect.row})


def _compare_history(table: str, expected: Expected, rows: list[Row]) -> list[str]:
    def row_of(effect: Effect) -> Row:
        return {"_op": effect.op, "_key": key_text(effect.key), **effect.row}

    return _compare(table, expected.history, rows, "_message_id", row_of)


def _compare_quarantine(table: str, expected: Expected, rows: list[Row]) -> list[str]:
    found = _compare(table, dict.fromkeys(expected.quarantine), rows, "_message_id", lambda _: {})
    unexplained = sum(not row["_reason"] for row in rows)
    return found + ([f"{table}: {unexplained} rows without a reason"] if unexplained else [])


def _compare(table: str, want: dict, rows: list[Row], identity: str, row_of) -> list[str]:
    found, seen = [], Counter(row[identity] for row in rows)
    for text, ids in (
        ("missing", [i for i in want if i not in seen]),
        ("unexpected", [i for i in seen if i not in want]),
        ("more than once", [i for i, count in seen.items() if count > 1]),
    ):
        if ids:
            found.append(f"{table}: {len(ids)} rows {text}, such as {', '.join(map(str, ids[:3]))}")
    wrong = []
    for row in rows:
        if row[identity] in want:
            expected = row_of(want[row[identity]])
            columns = [c for c, value in expected.items() if c not in row or not _same(c, row[c], value)]
            if columns:
                c = columns[0]
                wrong.append(f"{row[identity]}.{c} = {row.get(c, 'no such column')!r}, not {expected[c]!r}")
    if wrong:
        found.append(f"{table}: {len(wrong)} rows differ, such as {'; '.join(wrong[:3])}")
    return found


def _same(column: str, found: Any, expected: Any) -> bool:
    """`_extra` is JSON text, of which only the meaning counts."""
    if column == "_extra" and found is not None:
        return json.loads(found) == expected
    return found == expected or plain(found) == plain(expected)
