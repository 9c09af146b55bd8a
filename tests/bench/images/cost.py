"""What something cost, and how that of another process is found out."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """What one image, merge, compaction or scan took; `None` if nobody counted that."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes_read: int | None = None
    bytes_written: int | None = None
    requests: int | None = None
    peak_megabytes: float | None = None


@dataclass
class Case:
    """A change of a table, and what each way of merging it cost."""

    rows: int
    changes: int
    kind: str
    costs: dict[str, Cost] = field(default_factory=dict)


def median(costs: list[Cost]) -> Cost:
    """The one in the middle, by processor time."""
    middle = statistics.median_low(cost.cpu_seconds for cost in costs)
    return next(cost for cost in costs if cost.cpu_seconds == middle)


@contextmanager
def measured(pid: int | str = "self") -> Iterator[Cost]:
    """What a process of this machine does meanwhile, all its threads together; what it reads includes what it reads again."""
    process, cost = Path("/proc") / str(pid), Cost()
    (process / "clear_refs").write_text("5")  # forget the peak so far
    began, cpu, read = time.monotonic(), _cpu(process), _read(process)
    yield cost
    cost.seconds = time.monotonic() - began
    cost.cpu_seconds = _cpu(process) - cpu
    cost.bytes_read = _read(process) - read
    status = (process / "status").read_text()
    cost.peak_megabytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024 / 1e6


def repeated(times: int, one: Callable[[], Cost]) -> Cost:
    """The median of several."""
    return median([one() for _ in range(times)])


def size(folder: Path) -> int:
    """Bytes of the files below; Hadoop's checksums are not the table's."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc")


def _cpu(process: Path) -> float:
    # The name in parentheses may hold blanks.
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _read(process: Path) -> int:
    return next(int(line.split()[1]) for line in (process / "io").read_text().splitlines() if line.startswith("rchar:"))
