"""The lake as DuckDB sees it, through its own `iceberg_scan`. The extensions come from PyPI, nothing is downloaded."""

from __future__ import annotations

from urllib.parse import urlsplit

import duckdb
from duckdb_extensions import import_extension

from tests.readers.lake import CREDENTIALS, Lake


class Duck:
    """A DuckDB connection that reads a lake's tables and raw objects."""

    def __init__(self, lake: Lake):
        self._lake = lake
        for extension in ("avro", "httpfs", "iceberg"):
            import_extension(extension)
        self._duck = duckdb.connect()
        for extension in ("avro", "httpfs", "iceberg"):
            self._duck.execute(f"LOAD {extension}")
        self._duck.execute("SET TimeZone = 'UTC'")
        endpoint = urlsplit(lake.endpoint)
        self._duck.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{CREDENTIALS}', SECRET '{CREDENTIALS}', REGION '{lake.region}', "
            f"ENDPOINT '{endpoint.netloc}', URL_STYLE 'path', USE_SSL {endpoint.scheme == 'https'})"
        )

    def rows(self, table: str) -> list[dict]:
        """A table's rows."""
        return self._query(f"SELECT * FROM iceberg_scan('{self._lake.metadata_location(table)}')")

    def raw(self, stream: str) -> list[dict]:
        """All messages of a stream, from the raw objects alone."""
        objects = f"s3://{self._lake.bucket}/raw/stream={stream}/*/*.parquet"
        return self._query(f"SELECT * FROM read_parquet('{objects}', hive_partitioning = true)")

    def _query(self, sql: str) -> list[dict]:
        return self._duck.execute(sql).to_arrow_table().to_pylist()
