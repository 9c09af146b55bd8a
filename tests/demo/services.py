"""Four services and what they publish, in the order in which it would have happened. Deterministic: one seed, one story.

A plane, an airline or an airport is published when the first flight names it, and the flight's message needs its
confirm. A flight is scheduled, departs, arrives or is cancelled. Planes are refitted, flights are purged and some of
them created again, an older state comes late, and now and then a service publishes something that is no state at all.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from operator import itemgetter

from tests.demo.data import Row, Tables
from tests.publisher import Message

QUEUES = {stream: f"{stream}.state" for stream in ("planes", "airlines", "airports", "flights")}
REFERENCES = {"tailnum": "planes", "carrier": "airlines", "origin": "airports", "dest": "airports"}

ANNOUNCED = timedelta(hours=12)
TAXI = timedelta(minutes=20)
REFITTED, PURGED, RECREATED, LATE, BAD = 0.03, 0.02, 0.3, 0.005, 0.002

SPOILED = (
    ("flights", b'{"flightId": "2013-02-0'),
    ("planes", b'{"tailnum": "N14228", "seats": "many"}'),
    ("flights", b'["a", "flight", "is", "an", "object"]'),
    ("airports", b""),
    ("flights", b'{"status": "departed", "carrier": "UA"}'),
    ("airlines", b'{"carrier": "\xff\xfe"}'),
)


def story(tables: Tables, seed: int = 2013) -> Iterator[Message]:
    """Every message of every service, one after another."""
    return _Story(tables, seed).messages()


def flight_id(row: Row) -> str:
    """A flight's name: no other flight of a carrier and number leaves the same airport on the same day."""
    return f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}-{row['carrier']}{row['flight']}-{row['origin']}"


def text(value: str) -> str | None:
    """A value of the source; it writes `NA` for what it does not know."""
    return None if value in ("NA", "") else value


def number(value: str) -> int | float | None:
    """A number of the source."""
    if text(value) is None:
        return None
    return float(value) if "." in value else int(value)


def instant(at: datetime | None) -> str | None:
    """An instant as the services write it."""
    return at and at.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Story:
    def __init__(self, tables: Tables, seed: int):
        self.tables = tables
        self.random = random.Random(seed)
        self.counts = dict.fromkeys(QUEUES, 0)
        self.known: dict[tuple[str, str], int] = {}
        self.planes = {row["tailnum"]: row for row in tables.planes}
        self.sources = {
            "planes": {key: plane_state(row) for key, row in self.planes.items()},
            "airlines": {row["carrier"]: airline_state(row) for row in tables.airlines},
            "airports": {row["faa"]: airport_state(row) for row in tables.airports},
        }
        self.keys = {"planes": "tailnum", "airlines": "carrier", "airports": "faa"}

    def messages(self) -> Iterator[Message]:
        for _, kind, row in self._timeline():
            if kind == "bad":
                stream, body = row
                yield self._message(stream, body)
            elif kind == "refit":
                yield from self._refit(row)
            else:
                yield from self._flight(kind, row)

    def _timeline(self) -> list:
        """(when, what, which), sorted by time; the sort is stable, so that the story never depends on the clock's grain."""
        chance, events, spoiled = self.random.random, [], 0
        for row in self.tables.flights:
            plan = _Times(row)
            events.append((plan.announced, "scheduled", row))
            cancelled = plan.departed is None
            if cancelled:
                events.append((plan.cancelled, "cancelled", row))
            else:
                events.append((plan.departed, "departed", row))
                if plan.arrived:
                    events.append((plan.arrived, "arrived", row))
                    if chance() < LATE:
                        events.append((plan.arrived + timedelta(minutes=1), "late", row))
            if chance() < PURGED:
                events.append((plan.purged, "purged", row))
                if chance() < RECREATED:
                    events.append((plan.recreated, "recreated", row))
            if row["tailnum"] in self.planes and chance() < REFITTED:
                events.append((plan.announced + timedelta(hours=1), "refit", row["tailnum"]))
            if chance() < BAD:
                events.append((plan.scheduled, "bad", SPOILED[spoiled % len(SPOILED)]))
                spoiled += 1
        events.sort(key=itemgetter(0))
        return events

    def _message(self, stream: str, state: dict | bytes, needs: tuple = ()) -> Message:
        self.counts[stream] += 1
        body = state if isinstance(state, bytes) else json.dumps(state, separators=(",", ":")).encode()
        return Message(QUEUES[stream], body, f"{stream}-{self.counts[stream]:07}", needs)

    def _flight(self, kind: str, row: Row) -> Iterator[Message]:
        needs: dict[str, int] = {}
        for column, stream in REFERENCES.items():
            key = text(row[column])
            if key is None:
                continue
            if (stream, key) not in self.known:
                yield self._message(stream, self._first_state(stream, key))
                self.known[stream, key] = self.counts[stream]
            queue = QUEUES[stream]
            needs[queue] = max(needs.get(queue, 0), self.known[stream, key])
        yield self._message("flights", flight_state(kind, row), tuple(needs.items()))

    def _first_state(self, stream: str, key: str) -> dict:
        """What the service knows of the entity: all that the source has, or the key alone."""
        return self.sources[stream].get(key, {self.keys[stream]: key})

    def _refit(self, tailnum: str) -> Iterator[Message]:
        state = self.sources["planes"][tailnum]
        state["seats"] = (state["seats"] or 0) + self.random.choice((-6, -4, 4, 6, 12))
        yield self._message("planes", state)


class _Times:
    """When the events of a flight happen, in UTC."""

    def __init__(self, row: Row):
        hour = datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        self.scheduled = hour + timedelta(minutes=int(row["minute"]))
        self.announced = self.scheduled - ANNOUNCED
        delay, air_time = number(row["dep_delay"]), number(row["air_time"])
        self.departed = None if delay is None else self.scheduled + timedelta(minutes=delay)
        self.arrived = None
        if self.departed and air_time is not None:
            self.arrived = self.departed + timedelta(minutes=air_time) + TAXI
        self.cancelled = self.scheduled - timedelta(hours=2)
        self.purged = self.scheduled + timedelta(hours=30)
        self.recreated = self.purged + timedelta(hours=2)

    def of(self, kind: str) -> datetime:
        """When the state of that kind came to be; a late message repeats the state `scheduled`."""
        return {"scheduled": self.announced, "late": self.announced}.get(kind) or getattr(self, kind)


def flight_state(kind: str, row: Row) -> dict:
    """The full state of a flight after an event."""
    times = _Times(row)
    status = {"late": "scheduled", "recreated": "scheduled"}.get(kind, kind)
    has_departed, has_arrived = status in ("departed", "arrived"), status == "arrived"
    return {
        "flightId": flight_id(row),
        "status": status,
        "carrier": row["carrier"],
        "flight": int(row["flight"]),
        "tailnum": text(row["tailnum"]),
        "origin": row["origin"],
        "dest": row["dest"],
        "distance": int(row["distance"]),
        "scheduled": {"departure": instant(times.scheduled), "hour": int(row["hour"]), "minute": int(row["minute"])},
        "actual": {
            "departure": instant(times.departed) if has_departed else None,
            "arrival": instant(times.arrived) if has_arrived else None,
        },
        "depDelay": number(row["dep_delay"]) if has_departed else None,
        "arrDelay": number(row["arr_delay"]) if has_arrived else None,
        "updatedAt": instant(times.of(kind)),
    }


def plane_state(row: Row) -> dict:
    """A plane as its service publishes it."""
    return {
        "tailnum": row["tailnum"],
        "year": number(row["year"]),
        "manufacturer": text(row["manufacturer"]),
        "model": text(row["model"]),
        "seats": number(row["seats"]),
        "engines": {"count": number(row["engines"]), "kind": text(row["engine"])},
    }


def airline_state(row: Row) -> dict:
    """An airline as its service publishes it."""
    return {"carrier": row["carrier"], "name": row["name"]}


def airport_state(row: Row) -> dict:
    """An airport as its service publishes it."""
    return {
        "faa": row["faa"],
        "name": row["name"],
        "location": {"lat": float(row["lat"]), "lon": float(row["lon"]), "alt": number(row["alt"])},
        "tzone": text(row["tzone"]),
    }
