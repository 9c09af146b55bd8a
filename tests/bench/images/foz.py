"""The tables of the bench, made and changed by the code that the function runs: `functions/consolidate/examples/image_bench`."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench.images.cost import Cost
from tests.stack.binaries import binary


@dataclass(frozen=True)
class State:
    """The tables at one point: metadata files, and the history's files with the last changes."""

    name: str
    metadata: str
    changes: list[str]


class Table:
    """A table of so many rows in a folder, in any of the states that were made of it."""

    def __init__(self, folder: Path, rows: int):
        self._folder, self.rows = folder, rows
        folder.mkdir(parents=True)
        self._run("make", rows, "base")
        self.base = self.state("base")

    def state(self, name: str) -> State:
        """A state by its name."""
        found = json.loads((self._folder / f"{name}.json").read_text())
        return State(name, found["tables"]["orders"], found["changes"])

    def publish(self, kind: str, count: int, number: int, since: State, name: str) -> State:
        """Messages for `count` random entities, `known` or `new` ones, in the history only."""
        self._run(kind, count, number, since.name, name)
        return self.state(name)

    def image(self, since: State, name: str) -> tuple[State, Cost]:
        """The next image, and what it cost."""
        said = self._run("image", since.name, name)
        return self.state(name), Cost(**said["used"], **said["count"])

    def compact(self, since: State, name: str) -> tuple[State, Cost] | None:
        """The table compacted, and what it cost; `None` as long as nothing compacts."""
        said = self._run("compact", since.name, name)
        return said and (self.state(name), Cost(**said["used"], **said["count"]))

    def _run(self, *command: object) -> dict | None:
        program = [binary("examples/image_bench"), self._folder, *command]
        done = subprocess.run(list(map(str, program)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"image_bench {' '.join(map(str, command))}: {done.stderr.strip()[-500:]}")
        return json.loads(done.stdout or "null")
