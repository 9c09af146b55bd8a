"""The demo's answer, computed from the published story in plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.demo.services import QUEUES
from tests.oracle import Effect, Expected
from tests.publisher import Message

STREAMS = {queue: stream for stream, queue in QUEUES.items()}


def expected(messages: Iterable[Message]) -> dict[str, Expected]:
    """What each stream's tables must hold after these messages."""
    streams = {stream: Expected(versioned=stream == "flights") for stream in QUEUES}
    for message in messages:
        stream = STREAMS[message.queue]
        streams[stream].add(effect(stream, message))
    return streams


def effect(stream: str, message: Message) -> Effect:
    """What should become of one message."""
    try:
        state = json.loads(message.body)
        key, row = ROWS[stream](state)
    except (ValueError, KeyError, TypeError):
        return Effect(message.message_id, "quarantine")
    deleted = state.get("status") == "purged"
    return Effect(message.message_id, "delete" if deleted else "upsert", (key,), row, row.get("updated_at"))


def _integer(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError(value)
    return value


def _instant(value: str | None) -> datetime | None:
    return value and datetime.fromisoformat(value)


def _plane(state: dict) -> tuple[str, dict]:
    engines = state.get("engines")
    row = {
        "tailnum": state["tailnum"],
        "year": _integer(state.get("year")),
        "manufacturer": state.get("manufacturer"),
        "model": state.get("model"),
        "seats": _integer(state.get("seats")),
        "engines": engines and {"count": engines["count"], "kind": engines["kind"]},
    }
    return state["tailnum"], row


def _airline(state: dict) -> tuple[str, dict]:
    return state["carrier"], {"carrier": state["carrier"], "name": state.get("name")}


def _airport(state: dict) -> tuple[str, dict]:
    location = state.get("location") or {}
    row = {
        "faa": state["faa"],
        "name": state.get("name"),
        "lat": location.get("lat"),
        "lon": location.get("lon"),
        "tzone": state.get("tzone"),
    }
    return state["faa"], row


def _flight(state: dict) -> tuple[str, dict]:
    dep_delay, arr_delay = state["depDelay"], state["arrDelay"]
    scheduled = state["scheduled"]
    row = {
        "flight_id": state["flightId"],
        "status": state["status"],
        "carrier": state["carrier"],
        "flight": state["flight"],
        "tailnum": state["tailnum"],
        "origin": state["origin"],
        "dest": state["dest"],
        "route": f"{state['origin']}-{state['dest']}",
        "scheduled_departure": _instant(scheduled["departure"]),
        "local_departure": f"{scheduled['hour']:02}:{scheduled['minute']:02}",
        "departure": _instant(state["actual"]["departure"]),
        "arrival": _instant(state["actual"]["arrival"]),
        "dep_delay": dep_delay,
        "arr_delay": arr_delay,
        "made_up": None if dep_delay is None or arr_delay is None else dep_delay - arr_delay,
        "delay_class": _delay_class(state["status"], dep_delay),
        "distance_km": state["distance"] * 1.609344,
        "updated_at": _instant(state["updatedAt"]),
    }
    return state["flightId"], row


def _delay_class(status: str, dep_delay: int | None) -> str | None:
    if status == "cancelled":
        return "cancelled"
    if dep_delay is None:
        return None
    return "on time" if dep_delay < 15 else "late" if dep_delay < 60 else "very late"


ROWS = {"planes": _plane, "airlines": _airline, "airports": _airport, "flights": _flight}
