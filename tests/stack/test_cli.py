"""The commands as a person meets them, as far as they need no cloud."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from scripts.environment import ROOT
from tests.stack import binaries, cli, processes, record
from tests.stack.cloud import Stack
from tests.stack.processes import Failed, start

PIPELINE = ROOT / "infra/tests/fixtures/two_streams/pipeline.yaml"
WORK = (["sleep", "1000"], {"PATH": "/usr/bin:/bin"})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of `make up`, with a program instead of `foz` that finds each definition wrong."""
    monkeypatch.setattr(cli, "HOME", tmp_path)
    checker = tmp_path / "foz"
    checker.write_text("#!/bin/sh\necho \"$2:1:1: not as it should be\" >&2\nexit 1\n")
    checker.chmod(0o755)
    monkeypatch.setattr(binaries, "binary", lambda _name: checker)
    yield tmp_path
    processes.stop_all(tmp_path)


def up(pipeline=PIPELINE):
    cli.up(SimpleNamespace(pipeline=pipeline, no_build=True))


def test_a_wrong_definition_stops_nothing(home):
    work = start(home, "work", *WORK)
    with pytest.raises(Failed, match="nothing was changed\n.*two_streams/pipeline.yaml:1:1: not as it should be"):
        up()
    assert work.alive()


def test_a_stack_that_is_replaced_is_named(home, monkeypatch, capsys):
    (home / "foz").write_text("#!/bin/sh\n")
    monkeypatch.setattr(Stack, "open", lambda self: record.change(self.home, lambda entry: entry.update(lake="next", amqp_url="", management_url="")))
    monkeypatch.setattr(Stack, "record", dict.fromkeys(["lake", "amqp_url", "management_url", "aws_endpoint_url", "region", "log_folder"], "-"))
    up()
    assert "replaces" not in capsys.readouterr().err
    start(home, "work", *WORK)
    record.change(home, lambda entry: entry.update(lake="shop", pipeline="/before.yaml"))
    up()
    assert capsys.readouterr().err == "replaces the running stack of lake shop (/before.yaml); its data are gone\n"


@pytest.mark.parametrize("name", ["bridgeX", "bridge-2", "bridge ", "aws", ""])
def test_only_what_was_started_is_restarted(home, monkeypatch, name):
    monkeypatch.setattr(Stack, "start_bridge", lambda *_: pytest.fail("a bridge was started"))
    with pytest.raises(Failed, match="cannot restart"):
        Stack(PIPELINE, home=home).restart(name)


def test_a_second_bridge_is_restarted_once_it_was_started(home, monkeypatch):
    first = start(home, "bridge-2", *WORK)
    monkeypatch.setattr(Stack, "start_bridge", lambda self, name, _env: start(self.home, name, *WORK))
    Stack(PIPELINE, home=home).restart("bridge-2")
    assert not first.alive()
    assert processes.find(home, "bridge-2").alive()


def test_ctrl_c_while_modules_are_loaded_is_no_error(tmp_path):
    (tmp_path / "boto3.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    said = subprocess.run([sys.executable, "-m", "tests.stack.cli", "status"], env=env, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (-signal.SIGINT, "")
