"""Processes of the local cloud: each leads its own process group, is known by pid and start time, and is stopped by them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from tests.stack import record

T = TypeVar("T")


class Failed(Exception):
    """Something that the local cloud needs cannot be had; the message is one line for a person."""


@dataclass(frozen=True)
class Process:
    """A process that was started, and that this may therefore stop."""

    name: str
    pid: int
    started: int  # clock ticks since boot; with the pid it names one process for ever
    log: str

    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; nothing if it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def start(home: Path, name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None) -> Process:
    """Starts a process of the stack in this folder and records it before anything else can fail."""
    before = find(home, name)
    if before and before.alive():
        stop([before])  # under one name there is one process, or nobody would stop the first
    log = home / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd or home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(name, child.pid, start_time(child.pid) or 0, str(log))

    def add(entry: dict) -> None:
        entry.setdefault("processes", {})[name] = asdict(process)
        entry.setdefault("pids", {})[name] = process.pid

    record.change(home, add)
    return process


def find(home: Path, name: str) -> Process | None:
    """The recorded process of that name, dead or alive."""
    entry = record.read(home).get("processes", {}).get(name)
    return Process(**entry) if entry else None


def kill(process: Process, number: int = signal.SIGKILL) -> None:
    """Signals the whole group, unless the pid meanwhile belongs to somebody else."""
    if start_time(process.pid) in (None, process.started):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def stop(processes: Sequence[Process], grace: float = 5.0) -> None:
    """Asks all to end, waits up to `grace` seconds, then ends them and what is left of their groups."""
    for process in processes:
        kill(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    for process in processes:
        while process.alive() and time.monotonic() < deadline:
            reap(process)
            time.sleep(0.01)
    for process in processes:
        kill(process, signal.SIGKILL)
        reap(process)


def reap(process: Process) -> None:
    """Takes the exit status if it is our child, so that it does not stay a zombie for as long as we live."""
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        pass


def stop_all(home: Path) -> list[str]:
    """Stops everything that was recorded in this folder, last started first, and forgets it; answers what was alive."""
    entries = [Process(**entry) for entry in record.read(home).get("processes", {}).values()]
    alive = [process for process in reversed(entries) if process.alive()]
    # What drives goes first, so that nothing sees its servers vanish; the servers hold nothing that must be written.
    stop([process for process in alive if process.name not in ("aws", "rabbitmq", "epmd")])
    stop([process for process in alive if process.name in ("aws", "rabbitmq", "epmd")], grace=0.5)
    for process in entries:
        kill(process)
    record.remove(home)
    return [process.name for process in alive]


def wait_until(condition: Callable[[], T], deadline: float, what: str, process: Process | None = None) -> T:
    """Waits until the condition gives something true, at most `deadline` seconds; fails at once if the process dies."""
    end = time.monotonic() + deadline
    while True:
        if value := condition():
            return value
        if process and not process.alive():
            raise Failed(f"{process.name} ended while waiting for {what}: {last_line(process.log)} (see {process.log})")
        if time.monotonic() > end:
            raise Failed(f"no {what} within {deadline:g} s" + (f": {last_line(process.log)} (see {process.log})" if process else ""))
        time.sleep(0.02)


def last_line(log: str) -> str:
    """The last line that a process wrote."""
    lines = Path(log).read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it wrote nothing"


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody holds now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
