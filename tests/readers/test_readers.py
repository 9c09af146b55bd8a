"""Software that is not ours reads the lake: PyIceberg, DuckDB's `iceberg_scan`, and both on the raw Parquet."""

from pathlib import Path

import pytest

from tests.demo.data import load
from tests.demo.oracle import STREAMS, expected
from tests.demo.services import QUEUES, story
from tests.flow import behind, check_catalog, counts
from tests.oracle import differences
from tests.publisher import Publisher
from tests.readers.duck import Duck
from tests.readers.lake import Lake
from tests.stack import Stack
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def messages():
    return list(story(load()))


@pytest.fixture(scope="module")
def answer(messages):
    return expected(messages)


@pytest.fixture(scope="module")
def lake(messages):
    with Stack(pipeline=ROOT / "tests" / "demo" / "pipeline.yaml") as stack:
        lake, published = Lake(stack.record), counts(messages, STREAMS)
        Publisher(stack.record["amqp_url"], QUEUES.values(), messages).run()
        late = lambda: behind(lake, published)
        wait_for("the flow to come to rest", lambda: not late(), 180, seen=late)
        assert check_catalog(lake, published) == []
        yield lake


@pytest.mark.parametrize("stream", QUEUES)
def test_pyiceberg_gives_the_rows_of_the_oracle(lake, answer, stream):
    assert differences(stream, answer[stream], *tables(lake, stream)) == []


@pytest.mark.parametrize("stream", QUEUES)
def test_duckdb_gives_the_rows_of_the_oracle(lake, answer, stream):
    assert differences(stream, answer[stream], *tables(Duck(lake), stream)) == []


def tables(reader, stream):
    return (reader.rows(name) for name in (stream, f"{stream}_changes", f"{stream}_quarantine"))


def test_pyiceberg_reads_the_raw_messages_byte_for_byte(lake, messages):
    for stream, queue in QUEUES.items():
        rows = [row for batch in lake.batches("airlines") if batch["stream"] == stream for row in lake.raw(batch["raw_key"]).to_pylist()]
        assert [(row["message_id"], row["body"]) for row in rows] == [
            (m.message_id, m.body) for m in messages if m.queue == queue
        ], "in the order in which they were published"
        assert {row["content_type"] for row in rows} == {"application/json"}
        assert all(row["published_at"] for row in rows)


def test_duckdb_reads_the_raw_messages_byte_for_byte(lake, messages):
    for stream, queue in QUEUES.items():
        found = {row["message_id"]: bytes(row["body"]) for row in Duck(lake).raw(stream)}
        assert found == {m.message_id: m.body for m in messages if m.queue == queue}
