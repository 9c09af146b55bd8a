"""Nothing is left running, however the owner of a stack ends; and nothing is stopped that is not ours."""

import os
import shutil
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.environment import ROOT
from tests.stack import processes, record
from tests.stack.processes import Failed, Process, free_ports, start, start_time, wait_until

OWNER = """
import signal, sys, time
from pathlib import Path
from tests.stack.processes import start
from tests.stack.warden import Warden
# Ignored from the start, if these tests were started in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
home = Path(sys.argv[1])
warden = Warden(home)
# A shell with a child: the whole group must go.
start(home, "work", ["sh", "-c", "sleep 1000 & echo $!; wait"], {"PATH": "/usr/bin:/bin"})
if sys.argv[2] == "release":
    warden.release()
    sys.exit()
print("started", flush=True)
time.sleep(1000)
"""


def own(home, what):
    """A process that owns a stack of one process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", OWNER, str(home), what], env=env, stdout=subprocess.PIPE, text=True)


def child(home) -> int:
    """Pid of the grandchild, which the shell wrote down."""
    log = home / "logs/work.log"
    return int(wait_until(lambda: log.exists() and log.read_text().strip(), 5, "the child's pid"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_owner_that_is_killed_leaves_nothing(tmp_path, number):
    owner = own(tmp_path, "stay")
    assert owner.stdout.readline() == "started\n"
    work, sleeper = processes.find(tmp_path, "work"), child(tmp_path)
    owner.send_signal(number)
    owner.wait()
    wait_until(lambda: not work.alive() and start_time(sleeper) is None, 10, "end of the group")
    wait_until(lambda: record.read(tmp_path) == {}, 5, "the record's end")


def test_a_released_stack_runs_on_until_it_is_stopped(tmp_path):
    assert own(tmp_path, "release").wait() == 0
    work, sleeper = processes.find(tmp_path, "work"), child(tmp_path)
    assert work.alive()
    assert processes.stop_all(tmp_path) == ["work"]
    assert start_time(sleeper) is None
    assert processes.stop_all(tmp_path) == []


def test_a_stack_whose_record_is_lost_is_found_by_its_marks(tmp_path):
    home = tmp_path / "home"
    work = start(home, "work", ["sh", "-c", "sleep 1000 & echo $!; wait"], {"PATH": "/usr/bin:/bin"})
    # One whose group has lost its leader.
    orphan = start(home, "orphan", ["sh", "-c", "sleep 1000 & echo $!"], {"PATH": "/usr/bin:/bin"})
    pids = [int(wait_until(lambda log=each.log: Path(log).read_text().strip(), 5, "the child's pid")) for each in (work, orphan)]
    other = start(tmp_path / "other", "work", ["sleep", "1000"], {"PATH": "/usr/bin:/bin"})
    wait_until(lambda: processes.reap(orphan) or not orphan.alive(), 5, "end of the leader")
    shutil.rmtree(home)
    assert sorted(processes.stop_all(home)) == ["orphan", "work"]
    assert not work.alive()
    wait_until(lambda: [start_time(pid) for pid in pids] == [None, None], 5, "end of the children")
    assert other.alive()
    assert processes.stop_all(tmp_path / "other") == ["work"]
    assert processes.stop_all(home) == []


def test_a_pid_that_belongs_to_somebody_else_is_spared(tmp_path):
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        ours = Process("gone", other.pid, start_time(other.pid) - 1, "")
        assert not ours.alive()
        processes.stop([ours])
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path):
    process = start(tmp_path, "short", ["sh", "-c", "echo no such luck; exit 1"], {"PATH": "/usr/bin:/bin"})
    with pytest.raises(Failed, match="short ended while waiting for luck: no such luck"):
        wait_until(lambda: processes.reap(process), 10, "luck", process)


def test_a_second_process_of_a_name_takes_the_place_of_the_first(tmp_path):
    first = start(tmp_path, "work", ["sleep", "1000"], {"PATH": "/usr/bin:/bin"})
    second = start(tmp_path, "work", ["sleep", "1000"], {"PATH": "/usr/bin:/bin"})
    assert not first.alive()
    assert second.alive()
    assert processes.stop_all(tmp_path) == ["work"]


def test_a_free_port_is_given_once_and_a_server_may_bind_to_it():
    ports = free_ports(200)
    assert not set(ports) & set(free_ports(200))
    with ThreadingHTTPServer(("127.0.0.1", ports[0]), BaseHTTPRequestHandler), pytest.raises(OSError):
        ThreadingHTTPServer(("127.0.0.1", ports[0]), BaseHTTPRequestHandler)
