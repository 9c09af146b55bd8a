"""No program of Foz logs a value of anybody's messages, nor does the catalog hold one: bodies, keys, properties, headers, good or bad."""

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests.flow import uncatalogued
from tests.readers.lake import Lake
from tests.stack import Stack
from tests.stack.binaries import FUNCTIONS
from tests.waiting import wait_for

STREAMS = ("people", "pets", "papers", "plans", "plants")
# As much as can be asked for; no more is logged than `debug`, as at `trace` libraries show what they receive.
MOST = {"FOZ_LOG": "trace"}
# Bodies above this go to the bucket by themselves.
LARGE = 4_000_001


class Marks:
    """Makes values that are in nothing but one place of one message, and remembers where."""

    def __init__(self, seed: int):
        self._choose, self.places = random.Random(seed), {}

    def text(self, place: str) -> str:
        """Letters that no program would write by itself."""
        return self._remember(place, "".join(self._choose.choices("bcdfghjkmnpqrstvwxz", k=16)))

    def digits(self, place: str, number: int = 18) -> str:
        """A number, likewise."""
        return self._remember(place, self._choose.choice("123456789") + "".join(self._choose.choices("0123456789", k=number - 1)))

    def _remember(self, place: str, mark: str) -> str:
        self.places[mark] = place
        return mark

    def found(self, text: str) -> list[str]:
        """Where the values are from that occur in the text, as they are, in hexadecimal, or in base64."""
        return sorted({place for mark, place in self.places.items() for form in forms(mark) if form in text})


def forms(mark: str) -> Iterator[str]:
    """How a program may show some text; of base64 what is the same wherever the text begins."""
    yield mark
    yield mark.encode().hex()
    for before in range(3):
        yield base64.b64encode(b"." * before + mark.encode()).decode()[4 if before else 0 : (before + len(mark)) // 3 * 4]
    yield from (between.join(str(byte) for byte in mark.encode()) for between in (",", ", "))


# What a column gets that it cannot take; `{}` is the mark. A JSON text that is no text stands as it is.
WRONG = {
    "revision": ['"{}"', "{d}.5", "{d}{d}", '{{"{}": 1}}'],
    "code": ['"{}"', '"{d}{d}"'],
    "flag": ['"{}"', "{d}"],
    "small": ['"{}"', "{d}", "{d}.5"],
    "ratio": ['"{}"', "{d}", "1e{d}"],
    "price": ['"{}"', "{d}", "{d}{d}.5", "1.{d}", "99999999.99"],
    "day": ['"{}"', '"2026-13-{d}"', '"+{d}-01-01"', "{d}"],
    "at": ['"{}"', '"2026-07-01 12:00:00 {}"', '"2026-07-01T25:00:00.{d}Z"', "{d}"],
    "wall": ['"{}"', '"2026-07-01T12:00:00 {}"', '"{d}-07-01T12:00:00"'],
    "bytes": ['"{}!"', "{d}"],
    "words": ['"{}"', '[{{"{}": "{}"}}]', "[{d}]"],
    "scores": ['{{"{}": "{}"}}', '{{"{}": {d}{d}}}', '["{}"]'],
    "nest": ['{{"a": "{}"}}', '"{}"', '{{"a": {d}}}', '{{"{}": 1, "a": "{}"}}'],
    "id": ["{d}", '["{}"]', "null"],
    "part": ['{{"{}": "{}"}}'],
}
# Bodies that are no row at all.
BROKEN = [
    "{}",
    '{{"id": "{}", "part": "{}"',
    '[{{"id": "{}"}}]',
    '"{}"',
    '{{"id": "{}", "id": "{}"}}',
    '{{"id": "{}", "part": "p", "{}": tru{}}}',
    '{{"id": "{}\\ud800", "part": "p"}}',
    '{{"id": "{}", "part": "p"}}{{"id": "{}"}}',
    '{{"id": "x", "{}": ' + "[" * 200 + "]" * 200 + "}}",
    "\x00{}",
    "<xml>{}</xml>",
]


def bodies(marks: Marks) -> Iterator[bytes]:
    """Good and bad ones."""

    def filled(place: str, template: str) -> str:
        escaped = template.replace("{{", "\x01").replace("}}", "\x02")
        while "{}" in escaped or "{d}" in escaped:
            escaped = escaped.replace("{}", marks.text(place), 1) if "{}" in escaped else escaped.replace("{d}", marks.digits(place), 1)
        return escaped.replace("\x01", "{").replace("\x02", "}")

    for n in range(3):
        good = {"id": marks.text("good key"), "part": marks.text("good key"), "note": marks.text("good value"), "revision": n, "price": "1.50"}
        yield json.dumps(good | {marks.text("name of an unknown field"): marks.text("unknown field")}).encode()
        yield json.dumps(good | {"note": "gone", "revision": n + 1}).encode()
    for column, templates in WRONG.items():
        for template in templates:
            row = {"id": marks.text(f"key of a row with a wrong {column}"), "part": marks.text("part")}
            row.pop(column, None)
            head = "".join(f'"{name}": "{value}", ' for name, value in row.items())
            yield f'{{{head}"{column}": {filled(f"wrong {column}", template)}}}'.encode()
    for template in BROKEN:
        yield filled("broken body", template).encode("utf-8", "surrogatepass")
    yield b'{"id": "' + marks.text("key that is no UTF-8").encode() + b'\xff\xfe"}'
    yield json.dumps({"id": marks.text("key of a large body"), "part": "p", "note": marks.text("large body") + " " * LARGE}).encode()


def properties(marks: Marks) -> pika.BasicProperties:
    """All properties, and headers of many types, some of which no reader of text can take."""
    headers = {name: marks.text(f"header {name}") for name in ("x-tenant", "x-shovelled", "traceparent")}
    headers |= {"n": int(marks.digits("header of a number")), "list": [marks.text("header of a list")], "table": {"a": {"b": marks.text("nested header")}}}
    headers |= {"bytes": b"\xff" + marks.text("header of bytes").encode()}
    names = ("message_id", "correlation_id", "reply_to", "type", "app_id", "cluster_id", "content_encoding")
    return pika.BasicProperties(content_type=marks.text("content_type"), headers=headers, **{name: marks.text(name) for name in names})


@pytest.fixture(scope="module")
def stack():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "secrets.yaml") as stack:
        yield stack


def test_no_log_and_no_item_of_the_catalog_holds_a_value(stack):
    marks, published, lake = Marks(7), dict.fromkeys(STREAMS, 0), Lake(stack.record)
    channel = pika.BlockingConnection(pika.URLParameters(stack.record["amqp_url"])).channel()
    channel.confirm_delivery()

    def publish(stream: str, body: bytes) -> None:
        channel.basic_publish("", f"{stream}.state", body, properties(marks))
        published[stream] += 1

    def round_of_everything() -> None:
        for body in bodies(marks):
            publish("people", body)
        for _ in range(2):
            publish("pets", json.dumps({"id": marks.text("pet"), "owner": marks.text("reference"), "part": marks.text("reference")}).encode())
            publish("plans", json.dumps({"id": marks.text("key of a halted stream"), "code": marks.text("value that a cast halts at")}).encode())
            publish("plants", json.dumps({"id": marks.text("key by the mapping"), "price": marks.digits("value by the mapping")}).encode())
            publish("papers", json.dumps({"id": marks.text("key of a halted stream"), "price": marks.digits("value that halts")}).encode())
        wait_for("all in the catalog", lambda: not uncatalogued(lake, published), seen=lambda: uncatalogued(lake, published))
        for group in ("people", "plants"):
            at = lambda group=group: lake.watermarks(group)
            wait_for("the flow to come to rest", lambda at=at: at().next_sequence == at().imaged, seen=at)

    round_of_everything()
    halted = lambda: stack.foz("status").stdout
    wait_for("the halts to be known", lambda: all(f"stream {stream} halts" in halted() for stream in ("papers", "plans")), seen=halted)
    # Errors on the way, beside those of the messages.
    for point in ("bridge.before_invoke", "ingest.after_put", "ingest.after_commit", "transform.after_stage", "consolidate.before_publish"):
        stack.arm(point, "error")
    stack.restart("lambda_host", MOST)
    stack.kill("bridge")
    stack.start_bridge("bridge-debug", MOST)
    round_of_everything()

    rows = lake.rows("people_quarantine")
    assert len(rows) > 2 * (len(BROKEN) + len(WRONG)), "there was much to complain of"
    assert marks.found(json.dumps([row["_reason"] for row in rows])), "in the table, where who may see the values looks, reasons repeat some"
    leaks = {}
    for log in Path(stack.record["log_folder"]).glob("*.log"):
        if log.stem.startswith(("bridge", *FUNCTIONS)):
            leaks[log.name] = marks.found(log.read_text(errors="replace"))
    assert leaks.keys() >= {"bridge.log", "bridge-debug.log", "ingest.log", "transform.log", "consolidate.log", "dispatch.log"}
    items = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.record["table"])
    leaks["catalog"] = marks.found(json.dumps([page["Items"] for page in items], default=repr))
    assert {where: what for where, what in leaks.items() if what} == {}
