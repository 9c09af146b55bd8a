"""Processes of the local cloud: each leads its own process group, is known by pid and start time, and is stopped by them.

Beside the record, which may get lost with its folder, marks in their environment tell whose they are.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from tests.stack import record

T = TypeVar("T")
# Marks in the environment of what is started, which its children inherit: the stack's folder and the process's name.
HOME_MARK, NAME_MARK = "FOZ_STACK_HOME", "FOZ_STACK_PROCESS"
# Servers end after the processes that use them.
SERVERS = ("aws", "rabbitmq", "epmd")


class Failed(Exception):
    """Something that the local cloud needs cannot be had; the message is one line for a person."""


@dataclass(frozen=True)
class Process:
    """A process that was started, and that this may therefore stop."""

    name: str
    pid: int
    started: float  # seconds since boot; with the pid it names one process for ever
    log: str

    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> float | None:
    """When a process began, in seconds since boot; `None` if it is gone or only waits to be reaped."""
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        # Since boot, in the kernel's ticks of 0.01 s: the same whenever it is asked, even if the clock was set meanwhile.
        return round(process.create_time() - psutil.boot_time(), 2)
    except psutil.NoSuchProcess:
        return None


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
            env={**env, HOME_MARK: str(home.resolve()), NAME_MARK: name},
            cwd=cwd or home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(name, child.pid, start_time(child.pid) or 0.0, str(log))

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
    """Signals the whole group, or the process if it leads none, unless the pid meanwhile belongs to somebody else."""
    if start_time(process.pid) in (None, process.started):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            if process.alive():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, number)
        except PermissionError:
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
    """Stops everything that was started in this folder, last started first, and forgets it; answers what was alive."""
    entries = recorded(home)
    alive = [process for process in reversed(entries) if process.alive()]
    stop_in_order(alive)
    for process in entries:
        kill(process)
    # Some may run that no record lists: their folder may have been removed.
    left = marked(home)
    stop_in_order(left)
    record.remove(home)
    return list(dict.fromkeys(process.name for process in [*alive, *left]))


def stop_in_order(processes: Sequence[Process]) -> None:
    """Stops clients before servers, so that none sees its servers vanish; servers hold nothing that must be written."""
    stop([process for process in processes if process.name not in SERVERS])
    stop([process for process in processes if process.name in SERVERS], grace=0.5)


def recorded(home: Path) -> list[Process]:
    """The processes in this folder's record, dead or alive; first started first."""
    return [Process(**entry) for entry in record.read(home).get("processes", {}).values()]


def marked(home: Path) -> list[Process]:
    """Every process that was started in this folder, or by one that was; last started first. Found by the marks in its environment."""
    found = []
    for each in psutil.process_iter():
        try:
            environment = each.environ()
        except psutil.Error:
            continue  # it is gone, or somebody else's
        began = start_time(each.pid)
        if began is not None and environment.get(HOME_MARK) == str(home.resolve()):
            found.append(Process(environment.get(NAME_MARK, "?"), each.pid, began, os.devnull))
    return sorted((process for process in found if process.pid != os.getpid()), key=lambda process: process.started, reverse=True)


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


# Held as long as this process lives.
_RESERVED: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that are free, and stay so until their servers come: no one else is given them meanwhile.

    A port that is bound to is not handed out again, and one that does not listen lets a server bind to it beside it, if
    both allow the address to be reused, as all of ours do.
    """
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", 0))
    _RESERVED.extend(sockets)
    return [each.getsockname()[1] for each in sockets]
