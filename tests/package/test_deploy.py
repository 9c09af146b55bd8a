"""One function's code is replaced with `cargo lambda deploy`, as docs/deploy.md has it, while messages flow: nothing is lost,
and nothing but the code changes."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from scripts.environment import ROOT, python_with
from scripts.package import REQUIREMENTS
from tests.e2e import orders
from tests.e2e.scenario import Scenario
from tests.infra.local import Local
from tests.stack import Stack, binaries
from tests.waiting import wait_for

# What Lambda takes with the request itself.
LARGEST = 50 * 1024 * 1024
# What an answer says of a function's code, and of the answer.
OF_THE_CODE = ("CodeSha256", "CodeSize", "LastModified", "RevisionId", "ResponseMetadata")


class Deployed:
    """A stack whose ingest was replaced in mid-flow, and how all functions were before."""

    def __init__(self, scenario: Scenario, folder: Path):
        self.scenario, self.stack = scenario, scenario.stack
        self.before = {name: self.function(name) for name in binaries.FUNCTIONS}
        over, rounds = Event(), count()

        def publish() -> None:
            while not over.is_set():
                scenario.publish(orders.story(scenario, f"round{next(rounds)}", 20))

        with ThreadPoolExecutor(1) as pool:
            flow = pool.submit(publish)
            try:
                wait_for("the old program to work", lambda: self.answered(self.before["ingest"]["CodeSha256"]))
                self.deploy(folder)
                self.code = self.function("ingest")["CodeSha256"]
                wait_for("the new program to work", lambda: self.answered(self.code) > 2)
            finally:
                over.set()
            flow.result()
        scenario.wait_until_idle()

    def deploy(self, folder: Path) -> None:
        """Replaces ingest by the program that lies below this folder."""
        aws = {name: value for name, value in self.stack.env().items() if not name.startswith("AWS_ENDPOINT_URL")}
        env = {**os.environ, **aws, "PATH": f"{python_with(REQUIREMENTS).parent}:{os.environ['PATH']}"}
        command = [*binaries.cargo("lambda"), "deploy", "--binary-name", "ingest", self.stack.record["functions"]["ingest"]]
        command += ["--lambda-dir", str(folder), "--endpoint-url", self.stack.record["aws_endpoint_url"]]
        said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr

    def function(self, name: str) -> dict[str, Any]:
        """How Lambda has a function configured."""
        return self.stack.client("lambda").get_function_configuration(FunctionName=self.stack.record["functions"][name])

    def running(self) -> list[dict[str, Any]]:
        """Ingest's environments."""
        return self.stack.environments("ingest")

    def answered(self, code: str) -> int:
        """How many batches environments that run this code took."""
        return sum(each["answered"] for each in self.running() if each["code"] == code)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The development build lies where `cargo lambda build` would leave a release, without what only a debugger reads."""
    folder = tmp_path_factory.mktemp("lambda")
    (folder / "ingest").mkdir()
    subprocess.run(["strip", "-o", folder / "ingest/bootstrap", binaries.binary("ingest")], check=True)
    with Stack(pipeline=ROOT / "tests/e2e/pipelines/orders.yaml") as stack:
        found = Deployed(orders.scenario(stack), folder)
        assert (folder / "ingest/bootstrap.zip").stat().st_size < LARGEST
        yield found


def test_nothing_is_lost(deployed):
    assert deployed.scenario.differences() == []


def test_only_the_new_program_runs_on(deployed):
    assert deployed.code != deployed.before["ingest"]["CodeSha256"]
    assert {each["code"] for each in deployed.running()} == {deployed.code}
    for each in deployed.running():
        program = Path(f"/proc/{each['pid']}/exe").resolve()
        assert program.name == "bootstrap" and program.is_relative_to(deployed.stack.home)


def test_all_else_is_as_terraform_made_it(deployed):
    after = {name: deployed.function(name) for name in binaries.FUNCTIONS}
    for name, before in deployed.before.items():
        changed = {key for key in before.keys() | after[name].keys() if before.get(key) != after[name].get(key)}
        assert changed <= set(OF_THE_CODE), name
        assert ("CodeSha256" in changed) == (name == "ingest")


def test_terraform_leaves_it_until_the_package_changes(deployed, tmp_path):
    local = Local.beside(deployed.stack)
    assert local.plan() == "No changes."
    other = Path(shutil.copytree(binaries.packages(), tmp_path / "packages"))
    with zipfile.ZipFile(other / "ingest.zip", "a") as archive:
        archive.comment = b"another version"
    local.set(packages=str(other))
    # All functions: their packages are in another folder now.
    assert f"0 added, {len(binaries.FUNCTIONS)} changed, 0 destroyed" in local.terraform("apply", "-auto-approve")
    assert deployed.function("ingest")["CodeSha256"] not in (deployed.code, deployed.before["ingest"]["CodeSha256"])
