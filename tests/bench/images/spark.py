"""The same change by Spark's MERGE, on the same files: copy-on-write, and merge-on-read."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from tests.bench.images.cost import Cost, measured, size
from tests.bench.images.foz import State
from tests.readers.spark import java_process, session

MODES = ("copy-on-write", "merge-on-read")


class Spark:
    """A Spark with a catalog in a folder, where tables are registered by their metadata files."""

    def __init__(self, folder: Path):
        catalog = {"type": "hadoop", "warehouse": f"file://{folder}/spark", "cache-enabled": "false"}
        self._spark = session({"bench": catalog})
        self._spark.sql("CREATE NAMESPACE IF NOT EXISTS bench.db")
        self._tables, self._numbers = folder / "spark" / "db", itertools.count()
        self.pid = java_process(self._spark)

    def merge(self, base: State, changed: State, mode: str) -> tuple[Cost, str]:
        """What a MERGE of the changes into the base costs, and the name of the merged table. What it writes is a copy's."""
        name = self.register(base)
        place = self._tables / name
        # Its metadata are there anyway; its data would be beside the original's.
        properties = {"write.merge.mode": mode, "write.data.path": f"file://{place}/data"}
        properties = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        self._spark.sql(f"ALTER TABLE bench.db.{name} SET TBLPROPERTIES ({properties})")
        columns = self._spark.table(f"bench.db.{name}").columns
        self._spark.read.parquet(*changed.changes).select(*columns).createOrReplaceTempView("changes")
        before = size(place)
        with measured(self.pid) as cost:
            self._spark.sql(
                f"MERGE INTO bench.db.{name} AS t USING changes AS s ON t._key = s._key "
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
            )
        cost.bytes_written = size(place) - before
        return cost, name

    def register(self, state: State) -> str:
        """Makes a table of a state; answers its name."""
        name = f"t{next(self._numbers)}"
        self._spark.sql(f"CALL bench.system.register_table('db.{name}', '{state.metadata}')")
        return name

    def drop(self, name: str) -> None:
        """Forgets a table, and what was written for it."""
        shutil.rmtree(self._tables / name)

    def answer(self, name: str, columns: str) -> tuple:
        """What a query over the whole table gives."""
        return tuple(self._spark.sql(f"SELECT {columns} FROM bench.db.{name}").first())
