"""A lake in a folder: every object, every item of the catalog, every table of Glue, and what queries answered.

The folder also holds the definition, and what should have become of each message that was published.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.scenario import Scenario
from tests.oracle import Effect
from tests.stack import Stack

# What Glue takes when a table is created, of all that it tells about one.
TABLE_INPUT = ("Name", "Description", "Owner", "TableType", "Parameters", "StorageDescriptor", "PartitionKeys")


class Folder:
    """A golden folder: `save` writes one, the rest reads it."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def pipeline(self) -> Path:
        """The definition of the lake."""
        return self.path / "pipeline.yaml"

    # Writing

    def save(self, scenario: Scenario) -> None:
        """Writes the lake as it is now. Nothing may change it meanwhile."""
        stack, lake = scenario.stack, scenario.lake
        described = {}
        for key in sorted(lake.keys("")):
            found = lake.s3.get_object(Bucket=lake.bucket, Key=key)
            path = self.path / "objects" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(found["Body"].read())
            described[key] = {"ContentType": found["ContentType"], "Metadata": found["Metadata"]}
        self._write("objects.json", described)
        self._write("catalog.json", sorted(items(stack), key=lambda item: (item["pk"]["S"], item["sk"]["S"])))
        listed = stack.client("glue").get_paginator("get_tables").paginate(DatabaseName=lake.database)
        tables = [table for page in listed for table in page["TableList"] if "metadata_location" in table["Parameters"]]
        self._write("tables.json", [{name: table[name] for name in TABLE_INPUT if name in table} for table in tables])
        self._write("published.json", {stream: effects(scenario, stream) for stream in scenario.expected})
        self._write("answers.json", self.ask(stack))

    def _write(self, name: str, content: list | dict[str, Any]) -> None:
        """An entry a line, so that a folder stays small and can still be read; of lists in it, an entry a line too."""
        (self.path / name).write_text(lines(content) + "\n")

    # Reading

    def load(self, stack: Stack) -> None:
        """Puts the lake into a cloud to which its definition was applied, and on which nothing of Foz has run yet."""
        known, s3 = stack.record, stack.client("s3")
        for key, described in self.read("objects.json").items():
            body = (self.path / "objects" / key).read_bytes()
            try:
                s3.put_object(Bucket=known["bucket"], Key=key, Body=body, IfNoneMatch="*", **described)
            except ClientError as error:
                # Terraform has put the definition already, if it still writes it as it did.
                if error.response["Error"]["Code"] != "PreconditionFailed" or s3.get_object(Bucket=known["bucket"], Key=key)["Body"].read() != body:
                    raise
        for item in self.read("catalog.json"):
            stack.client("dynamodb").put_item(TableName=known["table"], Item=with_bytes(item))
        for table in self.read("tables.json"):
            stack.client("glue").create_table(DatabaseName=known["glue_database"], TableInput=table)

    def scenario(self, stack: Stack) -> Scenario:
        """A scenario on a cloud with this lake, that knows what was published."""
        published = self.read("published.json")
        scenario = Scenario(stack, published, [stream for stream, told in published.items() if any("version" in each for each in told)])
        for stream, told in published.items():
            for each in told:
                scenario.message(stream, b"", each["op"], tuple(each["key"]), each["row"], version=each.get("version"))
        return scenario

    def ask(self, stack: Stack) -> dict[str, list[dict[str, Any]]]:
        """What `foz query` answers for every table and for the raw messages of every stream, in no promised order."""
        names = [table["Name"] for table in self.read("tables.json")] + [f"raw_{stream}" for stream in self.read("published.json")]
        return {name: rows(stack, name) for name in names}

    def read(self, name: str) -> Any:
        """One of the folder's JSON files."""
        return json.loads((self.path / name).read_text())


def lines(content: Any, depth: int = 2) -> str:
    """JSON whose outer `depth` levels have a line for each entry."""
    if not depth or not isinstance(content, list | dict):
        return json.dumps(content, ensure_ascii=False, default=lambda value: base64.b64encode(value).decode())
    if isinstance(content, dict):
        inner, begin, end = (f"{json.dumps(name)}: {lines(each, depth - 1)}" for name, each in content.items()), "{", "}"
    else:
        inner, begin, end = (lines(each, 0) for each in content), "[", "]"
    return "\n".join([begin, ",\n".join(inner), end])


def items(stack: Stack) -> Iterator[dict[str, Any]]:
    """Every item of the catalog, typed as DynamoDB types it."""
    for page in stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.record["table"], ConsistentRead=True):
        yield from page["Items"]


def with_bytes(item: dict[str, Any]) -> dict[str, Any]:
    """An item whose binary values, which JSON has as text, are bytes again."""
    return {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}


def effects(scenario: Scenario, stream: str) -> list[dict[str, Any]]:
    """What should have become of each message of the stream, in the order of publication."""
    expected = scenario.expected[stream]
    told = [*expected.history.values(), *(Effect(name, "quarantine") for name in expected.quarantine)]
    version = (lambda effect: {"version": effect.version}) if expected.versioned else lambda _: {}
    # A message's name ends in its number.
    return [{"op": each.op, "key": each.key, "row": each.row, **version(each)} for each in sorted(told, key=lambda each: each.message_id)]


def rows(stack: Stack, table: str) -> list[dict[str, Any]]:
    """The rows of a table, in an order of their own."""
    said = stack.foz("query", "--json", f"SELECT * FROM {table}")
    assert said.returncode == 0, said.stderr
    return sorted(map(json.loads, said.stdout.splitlines()), key=lambda row: json.dumps(row, sort_keys=True))
