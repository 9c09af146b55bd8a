"""The lake as PyIceberg, PyArrow and boto3 see it: tables through Glue, raw objects, the catalog's items."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import Binary
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

# The local cloud accepts any credentials, but the clients insist on having some.
CREDENTIALS = "local"


@dataclass(frozen=True)
class Watermarks:
    """How far a group is: sequences given, transformed, and contained in the current tables; all exclusive."""

    next_sequence: int = 0
    claimed: int = 0
    done: int = 0
    imaged: int = 0
    epoch: int = 0


class Lake:
    """One lake; `where` is the content of `.local/stack.json`."""

    def __init__(self, where: Mapping[str, Any]):
        self._counted: dict[str, tuple[str, int]] = {}
        self.bucket, self.database = where["bucket"], where["glue_database"]
        self.endpoint, self.region = where["aws_endpoint_url"], where["region"]
        self._table = self._resource("dynamodb").Table(where["table"])
        self.s3 = self._resource("s3").meta.client
        self.glue = self._client("glue")
        self.catalog = load_catalog(
            "lake",
            **{
                "type": "glue",
                "glue.endpoint": self.endpoint,
                "glue.region": self.region,
                "glue.access-key-id": CREDENTIALS,
                "glue.secret-access-key": CREDENTIALS,
                "s3.endpoint": self.endpoint,
                "s3.region": self.region,
                "s3.access-key-id": CREDENTIALS,
                "s3.secret-access-key": CREDENTIALS,
            },
        )

    def _session(self) -> dict:
        keys = {"aws_access_key_id": CREDENTIALS, "aws_secret_access_key": CREDENTIALS}
        return {"endpoint_url": self.endpoint, "region_name": self.region, **keys}

    def _client(self, service: str):
        return boto3.client(service, **self._session())

    def _resource(self, service: str):
        return boto3.resource(service, **self._session())

    # Tables

    def table(self, name: str) -> Table | None:
        """A table; `None` if it does not exist yet."""
        try:
            return self.catalog.load_table((self.database, name))
        except NoSuchTableError:
            return None

    def arrow(self, name: str, columns: Iterable[str] = ("*",), snapshot: int | None = None) -> pa.Table | None:
        """A table's content, now or as of a snapshot; `None` if it does not exist yet."""
        table = self.table(name)
        return table and table.scan(selected_fields=tuple(columns), snapshot_id=snapshot).to_arrow()

    def rows(self, name: str) -> list[dict]:
        """A table's rows; an empty list if it does not exist."""
        content = self.arrow(name)
        return content.to_pylist() if content is not None else []

    def counts(self) -> dict[str, int]:
        """Every Iceberg table's number of rows, from the summaries of their snapshots. Metadata files never change, so each is read once."""
        locations = {}
        for page in self.glue.get_paginator("get_tables").paginate(DatabaseName=self.database):
            for table in page["TableList"]:
                if "metadata_location" in table["Parameters"]:  # the one over raw/ is no Iceberg table
                    locations[table["Name"]] = table["Parameters"]["metadata_location"]
        for name, location in locations.items():
            if self._counted.get(name, ("", 0))[0] != location:
                self._counted[name] = (location, self._records(location))
        return {name: self._counted[name][1] for name in locations}

    def _records(self, location: str) -> int:
        key = location.removeprefix(f"s3://{self.bucket}/")
        metadata = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        current = metadata.get("current-snapshot-id")
        snapshots = (s for s in metadata.get("snapshots") or () if s["snapshot-id"] == current)
        # Rows of files, less those that are deleted by their position.
        return next((int(s["summary"]["total-records"]) - int(s["summary"].get("total-position-deletes", 0)) for s in snapshots), 0)

    def snapshots(self, name: str) -> list[Snapshot]:
        """A table's snapshots, oldest first."""
        table = self.table(name)
        return sorted(table.snapshots(), key=lambda s: s.sequence_number) if table else []

    def metadata_location(self, name: str) -> str:
        """Where Glue says that the table's metadata is."""
        return self.glue.get_table(DatabaseName=self.database, Name=name)["Table"]["Parameters"]["metadata_location"]

    # Catalog

    def groups(self) -> list[str]:
        """The groups that the catalog knows."""
        items = self._scan("sk = :in", {":in": "IN"})
        return sorted(item["pk"].removeprefix("G#") for item in items)

    def watermarks(self, group: str) -> Watermarks:
        """How far the group is."""
        keys = [{"pk": f"G#{group}", "sk": sk} for sk in ("IN", "OUT")]
        heads = {sk["sk"]: self._table.get_item(Key=sk, ConsistentRead=True).get("Item", {}) for sk in keys}
        got = {name: int(heads["OUT"].get(name, 0)) for name in ("claimed", "done", "imaged")}
        return Watermarks(int(heads["IN"].get("next_sequence", 0)), epoch=int(heads["IN"].get("epoch", 0)), **got)

    def heads(self) -> dict[str, dict]:
        """Every stream's head; of one that moved between groups, the one in its last."""
        items = sorted(self._scan("begins_with(sk, :s)", {":s": "S#"}), key=lambda item: int(item.get("messages", 0)))
        return {item["sk"].removeprefix("S#"): item for item in items}

    def batches(self, group: str, since: int = 0) -> Iterator[dict]:
        """The group's batches from a sequence on, in order; `sequence` is a number."""
        condition = Key("pk").eq(f"G#{group}") & Key("sk").between(f"B#{since:020}", "B#~")
        for item in self._query(condition):
            yield {**item, "sequence": int(item["sk"].removeprefix("B#"))}

    def items(self, group: str, prefix: str) -> list[dict]:
        """Other items of a group, such as runs (`R#`) and consolidations (`C#`)."""
        return list(self._query(Key("pk").eq(f"G#{group}") & Key("sk").begins_with(prefix)))

    def _query(self, condition) -> Iterator[dict]:
        start: dict = {}
        while True:
            page = self._table.query(KeyConditionExpression=condition, ConsistentRead=True, **start)
            yield from map(_plain, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _scan(self, condition: str, values: dict) -> list[dict]:
        found, start = [], {}
        while True:
            page = self._table.scan(
                FilterExpression=condition, ExpressionAttributeValues=values, ConsistentRead=True, **start
            )
            found += map(_plain, page["Items"])
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    # Raw objects

    def raw(self, key: str, columns: list[str] | None = None) -> pa.Table:
        """A raw object, read as the plain Parquet file that it is."""
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.read_table(io.BytesIO(body), columns=columns)

    def keys(self, prefix: str) -> dict[str, int]:
        """Names and sizes of the objects under a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


def _plain(item: dict) -> dict:
    return {name: bytes(value) if isinstance(value, Binary) else value for name, value in item.items()}
