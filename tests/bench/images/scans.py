"""What readers pay: a scan of a whole table, as PyIceberg, DuckDB and Spark do it."""

from __future__ import annotations

import duckdb
import pyarrow.compute as pc
from duckdb_extensions import import_extension
from pyiceberg.table import StaticTable

from tests.bench.images.cost import Cost, measured, repeated
from tests.bench.images.foz import State
from tests.bench.images.spark import Spark

# Numbers and texts: what a scan decodes. All readers must give the same.
QUERY = "count(*), sum(customer), sum(length(note))"


class Scans:
    """The readers, each with two threads."""

    def __init__(self, spark: Spark):
        self._spark = spark
        for extension in ("avro", "iceberg"):
            import_extension(extension)
        self._duck = duckdb.connect()
        for extension in ("avro", "iceberg"):
            self._duck.execute(f"LOAD {extension}")
        self._duck.execute("SET threads = 2")

    def of(self, state: State, times: int) -> dict[str, Cost]:
        """What each reader's scan of the table costs; fails if they do not agree."""
        name = self._spark.register(state)
        readers = {
            "PyIceberg": ("self", lambda: _pyiceberg(state)),
            "DuckDB": ("self", lambda: self._duckdb(state)),
            "Spark": (self._spark.pid, lambda: self._spark.answer(name, QUERY)),
        }
        costs, answers = {}, {}
        for reader, (pid, scan) in readers.items():

            def one(pid=pid, scan=scan, reader=reader) -> Cost:
                with measured(pid) as cost:
                    answers[reader] = tuple(map(int, scan()))
                return cost

            one()  # what a first scan does for the ones after it
            costs[reader] = repeated(times, one)
        self._spark.drop(name)
        if len(set(answers.values())) > 1:
            raise RuntimeError(f"the readers disagree about {state.name}: {answers}")
        return costs

    def answer(self, state: State) -> tuple[int, ...]:
        """What a scan of the table gives."""
        return tuple(map(int, self._duckdb(state)))

    def _duckdb(self, state: State) -> tuple:
        metadata = state.metadata.removeprefix("file://")
        return self._duck.execute(f"SELECT {QUERY} FROM iceberg_scan('{metadata}')").fetchone()


def _pyiceberg(state: State) -> tuple:
    rows = customers = notes = 0
    scan = StaticTable.from_metadata(state.metadata).scan(selected_fields=("customer", "note"))
    for batch in scan.to_arrow_batch_reader():
        rows += batch.num_rows
        customers += pc.sum(batch["customer"]).as_py() or 0
        notes += pc.sum(pc.utf8_length(batch["note"])).as_py() or 0
    return rows, customers, notes
