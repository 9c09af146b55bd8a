"""What publishers may write beside a body, and what the raw layer must hold of it, by docs/format.md alone."""

from __future__ import annotations

import json
import random
import struct
from decimal import Decimal
from typing import Any

from tests.amqp import long, properties, read_properties, short

FIXED = {"t": ">B", "b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "f": ">f", "d": ">d", "T": ">Q", "D": ">BI"}
KINDS = {
    "t": "bool", "b": "int8", "B": "uint8", "s": "int16", "u": "uint16", "I": "int32", "i": "uint32", "l": "int64",
    "f": "float", "d": "double", "D": "decimal", "T": "timestamp", "A": "array", "F": "table", "V": "void", "x": "binary",
}  # fmt: skip
TEXTS = ("content_type", "content_encoding", "correlation_id", "reply_to", "message_id", "type", "app_id", "cluster_id")
MAX_DEPTH = 64
LAST_SECOND = 253_402_300_799


class Unreadable(Exception):
    """JSON cannot tell this value."""


# What must be in the raw object


def row(exchange: bytes, routing_key: bytes, encoded: bytes) -> dict[str, Any]:
    """The row of a raw object that such a message must become, without what the bridge adds."""
    given = read_properties(encoded)
    names = {"exchange": exchange, "routing_key": routing_key} | {name: given[name] for name in given if isinstance(given[name], bytes)}
    table = names.pop("headers", b"")
    odd = [(name, ("amqp-property", value.hex())) for name, value in names.items() if not is_text(value)]
    found = {name: value.decode() if is_text(value) else value.hex() for name, value in names.items()}
    order = ["exchange", "routing_key", *TEXTS[:4], "message_id", "type", "app_id", "cluster_id"]
    odd.sort(key=lambda entry: order.index(entry[0]))
    found |= {name: given[name] for name in ("delivery_mode", "priority") if name in given}
    seconds, late = given.get("timestamp"), []
    if seconds is not None and seconds <= LAST_SECOND:
        found["published_at"] = seconds
    elif seconds is not None:
        late = [("foz-timestamp", ("timestamp", str(seconds)))]
    listed = sorted(entries(table), key=lambda entry: entry[0])
    later = [entry[0] for entry in listed[1:]] + [None]
    shown = [header(*entry, again=entry[0] == name) for entry, name in zip(listed, later, strict=False)]
    found["headers"] = told_apart(shown + odd) + late
    return found


def told_apart(headers: list[tuple[str, tuple[str, str]]]) -> list[tuple[str, tuple[str, str]]]:
    """The headers, each with a name of its own: what was published keeps its name."""
    ours = {"amqp-property", "amqp-field", "amqp-rest"}
    taken = {name for name, (kind, _) in headers if kind not in ours}
    found = []
    for name, (kind, text) in headers:
        if kind in ours:
            free = (f"{name}'{number}" for number in range(2, 1_000_000))
            name = name if name not in taken else next(label for label in free if label not in taken)
            taken.add(name)
        found.append((name, (kind, text)))
    return found


def is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def header(name: bytes, kind: str, data: bytes, again: bool) -> tuple[str, tuple[str, str]]:
    """An entry of a table as the raw layer shows it."""
    encoded = kind.encode() + data
    if again or not is_text(name):
        return name.decode(errors="replace"), ("amqp-field", (short(name) + encoded).hex())
    try:
        value = tell(kind, data, 0)
    except Unreadable:
        return name.decode(), ("amqp-value", encoded.hex())
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    told = KINDS.get(kind) or ("string" if is_text(data[4:]) else "binary")
    return name.decode(), (told, text)


def tell(kind: str, data: bytes, depth: int) -> Any:
    """A value as JSON has it."""
    if kind in "AF" and depth == MAX_DEPTH:
        raise Unreadable
    if kind == "V":
        return None
    if kind in "Sx":
        return data[4:].decode() if kind == "S" and is_text(data[4:]) else data[4:].hex()
    if kind == "A":
        return [tell(*item, depth + 1) for item in items(data[4:])]
    if kind == "F":
        told = {}
        for name, *value in entries(data[4:]):
            if not is_text(name) or name.decode() in told:
                raise Unreadable
            told[name.decode()] = tell(*value, depth + 1)
        return dict(sorted(told.items()))
    value = struct.unpack(FIXED[kind], data)
    if kind == "D":
        return f"{value[1]}e-{value[0]}"
    if kind in "fd":
        return shortest(FIXED[kind], value[0])
    return bool(value[0]) if kind == "t" else value[0]


def shortest(layout: str, value: float) -> str:
    """The fewest decimal digits that stand for this number and no other of its kind."""
    texts = (f"{value:.{digits}g}" for digits in range(1, 18))
    text = next(text for text in texts if struct.pack(layout, float(text)) == struct.pack(layout, value))
    return format(Decimal(text), "f")


def entries(table: bytes) -> list[tuple[bytes, str, bytes]]:
    """Name, type and data of each entry."""
    found, at = [], 0
    while at < len(table):
        name = table[at + 1 : at + 1 + table[at]]
        at += 1 + len(name)
        kind, data = value_at(table, at)
        found.append((name, kind, data))
        at += 1 + len(data)
    return found


def items(array: bytes) -> list[tuple[str, bytes]]:
    """Type and data of each item."""
    found, at = [], 0
    while at < len(array):
        found.append(value_at(array, at))
        at += 1 + len(found[-1][1])
    return found


def value_at(encoded: bytes, at: int) -> tuple[str, bytes]:
    kind = chr(encoded[at])
    if kind in FIXED:
        size = struct.calcsize(FIXED[kind])
    elif kind == "V":
        size = 0
    else:
        size = 4 + struct.unpack_from(">I", encoded, at + 1)[0]
    return kind, encoded[at + 1 : at + 1 + size]


# What publishers write


def any_properties(choose: random.Random, room: int) -> bytes:
    """Random properties, whose headers take up to `room` bytes."""
    given: dict[str, Any] = {name: any_bytes(choose, 40) for name in TEXTS if choose.random() < 0.4}
    given["delivery_mode"] = choose.choice((1, 2))
    if choose.random() < 0.3:
        given["priority"] = choose.randrange(256)
    if choose.random() < 0.3:
        given["timestamp"] = choose.choice((0, 1_700_000_000, LAST_SECOND, LAST_SECOND + 1, 2**63, 2**64 - 1))
    if choose.random() < 0.8:
        given["headers"] = any_table(choose, choose.randrange(room), choose.randrange(5))
    return properties(**given)


def any_bytes(choose: random.Random, most: int) -> bytes:
    """Text or not."""
    length = choose.randrange(most)
    return choose.choice((choose.randbytes(length), "Zürich 漢字".encode()[:length], b"plain"[:length]))


def any_table(choose: random.Random, room: int, depth: int) -> bytes:
    table = b""
    while True:
        entry = short(any_bytes(choose, 12)) + any_value(choose, min(room, 2_000), depth)
        if len(table) + len(entry) > room:
            return table
        table += entry
        if choose.random() < 0.1:
            return table


def any_value(choose: random.Random, room: int, depth: int) -> bytes:
    kind = choose.choice("tbBsuIilfdTDSSxVAF" if depth else "tbBsuIilfdTDSSxV")
    if kind == "t":
        data = choose.choice((b"\x00", b"\x01"))
    elif kind in "fd":
        data = struct.pack(FIXED[kind], choose.choice((0.0, 1.5, -0.1, 1e30, 3.0, choose.uniform(-1e6, 1e6))))
    elif kind in FIXED:
        data = choose.randbytes(struct.calcsize(FIXED[kind]))
    elif kind == "V":
        data = b""
    elif kind == "F":
        data = long(any_table(choose, room // 2, depth - 1))
    elif kind == "A":
        data = long(b"".join(any_value(choose, room // 4, depth - 1) for _ in range(choose.randrange(4))))
    else:
        data = long(any_bytes(choose, max(2, min(room, 300))))
    return kind.encode() + data


def nested(kind: bytes, levels: int) -> bytes:
    """A value that holds one that holds one …"""
    inside = b""
    for level in range(levels):
        name = b"\x01n" if kind == b"F" and level else b""
        inside = kind + long(name + inside)
    return inside
