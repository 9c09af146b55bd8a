"""Counts the requests of the project's programs, for a test that holds what a batch takes."""

import json
import threading
from collections import Counter
from typing import Any

# What is ours is written in Rust; tests, Lambda host and pump are not.
PROGRAM = "aws-sdk-rust"
# DynamoDB takes one unit for a small item, two within a transaction.
WRITES = ("PutItem", "UpdateItem", "DeleteItem")


class Requests:
    """How many there were of each kind since the start: `s3 PUT`, `dynamodb GetItem`, `dynamodb write units` …"""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, environ: dict[str, Any]) -> None:
        """Counts one, whatever becomes of it."""
        if PROGRAM not in environ.get("HTTP_USER_AGENT", ""):
            return
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        service, operation = target.rsplit(".", 1) if target else ("s3", environ["REQUEST_METHOD"])
        service = service.split("_")[0].removeprefix("AWS").removeprefix("Amazon").lower()
        units = 1 if operation in WRITES else 0
        if operation == "TransactWriteItems":
            units = 2 * len(json.loads(environ["wsgi.input"].getvalue())["TransactItems"])
        with self._lock:
            self._counts[f"{service} {operation}"] += 1
            self._counts[f"{service} write units"] += units

    def counts(self) -> dict[str, int]:
        """What was counted so far."""
        with self._lock:
            return dict(+self._counts)
