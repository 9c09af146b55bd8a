"""`stack.json`: what runs and where. One file, several writers: every change is made under a lock and replaces the file whole."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "stack.json"


def read(home: Path) -> dict[str, Any]:
    """The record of the stack in this folder; empty when there is none."""
    try:
        return json.loads((home / NAME).read_text())
    except FileNotFoundError:
        return {}


def change(home: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Applies `edit` to the record."""
    home.mkdir(parents=True, exist_ok=True)
    with open(home / f".{NAME}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = read(home)
        edit(record)
        fresh = home / f".{NAME}.new"
        fresh.write_text(json.dumps(record, indent=2) + "\n")
        os.replace(fresh, home / NAME)


def remove(home: Path) -> None:
    """Forgets the stack: it was stopped."""
    (home / NAME).unlink(missing_ok=True)
