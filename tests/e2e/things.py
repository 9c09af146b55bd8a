"""Messages of every shape: random values of every type, and what each must be in the table."""

from __future__ import annotations

import base64
import json
import random
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

LONGS = (2**63 - 1, -(2**63), 0, 1, 2**53 + 1)
TEXTS = ("", "plain", "Žluťoučký kůň", "漢字かな", "🛫 \u200d", "quote \" and \\ back", "tab\tline\n", "nul \u0000 inside", "é vs e\u0301", "null")
ZONES = (timezone.utc, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-9, minutes=-30)))


def literal(text: str) -> str:
    """A number that is to be written as given: JSON keeps every digit, Python's floats do not."""
    return f"<{text}>"


def encode(body: dict, ascii_only: bool) -> bytes:
    """The body as JSON, literals without their quotes."""
    return re.sub(r'"<([-0-9.]+)>"', r"\1", json.dumps(body, ensure_ascii=ascii_only)).encode()


@dataclass(frozen=True)
class Thing:
    """A body, and the values of its row."""

    body: bytes
    row: dict[str, Any]


def things(count: int, seed: int) -> Iterator[Thing]:
    """`count` states of a few entities."""
    choose = random.Random(seed)
    for _ in range(count):
        yield _thing(choose, random_key(choose), "here")


def random_key(choose: random.Random) -> tuple[int, str]:
    """One of a few dozen keys, so that most entities have several states."""
    return choose.choice(LONGS), choose.choice(TEXTS)


def _thing(choose: random.Random, key: tuple[int, str], op: str) -> Thing:
    body: dict[str, Any] = {"id": key[0], "part": key[1], "op": op}
    row: dict[str, Any] = dict(body)
    for name, make in VALUES.items():
        fate = choose.random()
        row[name] = None
        if fate < 0.1:
            continue  # missing
        if fate < 0.2:
            body[name] = None
            continue
        body[name], row[name] = make(choose)
    extra: dict[str, Any] = {}
    if choose.random() < 0.5:
        extra["unknown"] = choose.choice(([1, {"deep": None}], "text", -0.0, True))
        body["unknown"] = extra["unknown"]
    row["note"] = None
    if choose.random() < 0.7:
        row["note"] = choose.choice(TEXTS)
        body["meta"] = {"note": row["note"]}
        if choose.random() < 0.5:
            body["meta"]["other"] = extra["meta"] = choose.choice(LONGS)
            extra["meta"] = {"other": extra["meta"]}
    row["_extra"] = extra or None
    return Thing(encode(body, choose.random() < 0.5), row)


def gone(key: tuple[int, str]) -> Thing:
    """A message that deletes the entity and says nothing else."""
    row = dict.fromkeys([*VALUES, "note", "_extra"])
    body = {"id": key[0], "part": key[1], "op": "gone"}
    return Thing(json.dumps(body).encode(), {**row, **body})


def _decimal(choose: random.Random, digits: int, scale: int) -> tuple[Any, Decimal]:
    value = Decimal(choose.randrange(-(10**digits) + 1, 10**digits)).scaleb(-scale)
    # As a number or in quotes: both are exact.
    return (str(value) if choose.random() < 0.5 else literal(f"{value:f}")), value


def _price(choose: random.Random) -> tuple[Any, Decimal]:
    # Python's default context would round 38 digits to 28, so they are set as text.
    sign, digits = choose.choice(("", "-")), f"{choose.randrange(10**38):038}"
    text = f"{sign}{int(digits[:28])}.{digits[28:]}"
    return (text if choose.random() < 0.5 else literal(text)), Decimal(text)


def _moment(choose: random.Random) -> datetime:
    return datetime(1900, 1, 1) + timedelta(microseconds=choose.randrange(200 * 365 * 86_400 * 10**6))


def _at(choose: random.Random) -> tuple[str, datetime]:
    moment = _moment(choose).replace(tzinfo=choose.choice(ZONES))
    return moment.isoformat(), moment.astimezone(timezone.utc)


def _wall(choose: random.Random) -> tuple[str, datetime]:
    moment = _moment(choose)
    return moment.isoformat(), moment


def _day(choose: random.Random) -> tuple[str, date]:
    day = _moment(choose).date()
    return day.isoformat(), day


def _rough(choose: random.Random) -> tuple[float, float]:
    value = struct.unpack("f", struct.pack("f", choose.uniform(-1e6, 1e6)))[0]
    return value, value


def _bytes(choose: random.Random) -> tuple[str, bytes]:
    value = choose.randbytes(choose.randrange(20))
    return base64.b64encode(value).decode(), value


def _words(choose: random.Random) -> tuple[list, list]:
    words = [choose.choice((*TEXTS, None)) for _ in range(choose.randrange(4))]
    return words, words


def _scores(choose: random.Random) -> tuple[dict, list]:
    scores = {choose.choice(TEXTS): choose.choice((*LONGS, None)) for _ in range(choose.randrange(4))}
    return scores, list(scores.items())


def _nest(choose: random.Random) -> tuple[dict, dict]:
    pairs = [(choose.choice(LONGS), _decimal(choose, 10, 2)) for _ in range(choose.randrange(3))]
    inner = choose.random() < 0.8
    body: dict = {"b": {"c": "x", "d": [{"e": e, "f": f[0]} for e, f in pairs]} if inner else None}
    row: dict = {"a": None, "b": {"c": "x", "d": [{"e": e, "f": f[1]} for e, f in pairs]} if inner else None}
    if choose.random() < 0.5:
        body["a"] = row["a"] = choose.randrange(-(2**31), 2**31)
    return body, row


def _same(*values: Any):
    def make(choose: random.Random) -> tuple[Any, Any]:
        value = choose.choice(values)
        return value, value

    return make


VALUES = {
    "flag": _same(True, False),
    "small": _same(2**31 - 1, -(2**31), 0),
    "ratio": _same(0.1, -1e308, 5e-324, 1 / 3, 0.0),
    "rough": _rough,
    "price": _price,
    "day": _day,
    "at": _at,
    "wall": _wall,
    "bytes": _bytes,
    "words": _words,
    "scores": _scores,
    "nest": _nest,
}
