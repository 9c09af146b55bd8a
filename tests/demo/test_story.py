"""The story and the oracle, checked against the source tables: no broker, no lake."""

from collections import Counter

import pytest

from tests.demo.data import load
from tests.demo.oracle import STREAMS, effect, expected
from tests.demo.services import REFERENCES, flight_id, story, text


@pytest.fixture(scope="module")
def tables():
    return load()


@pytest.fixture(scope="module")
def messages(tables):
    return list(story(tables))


def test_the_same_seed_tells_the_same_story(tables, messages):
    assert list(story(tables)) == messages
    assert list(story(tables, seed=1)) != messages


def test_what_a_flight_names_is_published_before_and_its_confirm_is_needed(messages):
    published, known = Counter(), {}
    for message in messages:
        stream, what = STREAMS[message.queue], effect(STREAMS[message.queue], message)
        published[message.queue] += 1
        if what.op == "quarantine":
            continue
        known.setdefault((stream, what.key[0]), published[message.queue])
        if stream == "flights":
            needs = dict(message.needs)
            for column, other in REFERENCES.items():
                if what.row[column] is not None:
                    assert needs[f"{other}.state"] >= known[other, what.row[column]]


def test_the_end_state_is_that_of_the_source(tables, messages):
    streams = expected(messages)
    flights = streams["flights"].current
    touched = {e.key for e in streams["flights"].history.values() if e.op == "delete"}
    assert len(touched) > 20, "purges are part of the story"
    assert any(key in flights for key in touched), "so is re-creation after a purge"
    for row in tables.flights:
        key = (flight_id(row),)
        if key not in touched:
            want = "cancelled" if row["dep_time"] == "NA" else "departed" if row["air_time"] == "NA" else "arrived"
            assert flights[key].row["status"] == want
    assert {key[0] for key in streams["planes"].current} == {text(row["tailnum"]) for row in tables.flights} - {None}
    assert {"SJU", "BQN", "PSE", "STT"} <= {key[0] for key in streams["airports"].current}


def test_late_states_and_bad_messages_are_part_of_the_story(messages):
    streams = expected(messages)
    last = {e.key: e.message_id for e in streams["flights"].history.values()}
    assert any(effect.message_id != last[key] for key, effect in streams["flights"].latest.items()), "an older state came late"
    assert sum(len(stream.quarantine) for stream in streams.values()) >= 6
