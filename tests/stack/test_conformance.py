"""The catalog's and the lake's own conformance tests, which run in memory elsewhere, against the emulator: what the memory
allows and refuses, the emulator allows and refuses too."""

import json
import subprocess

import pytest

from scripts.environment import ROOT
from tests.stack.binaries import cargo

SUITES = {
    "foz-catalog/conformance": "FOZ_TEST_DYNAMODB",
    "foz-lake/commits": "FOZ_TEST_AWS_ENDPOINT",
    "foz-lake/store": "FOZ_TEST_AWS_ENDPOINT",
}


@pytest.fixture(scope="module")
def programs() -> dict[str, str]:
    """The workspace's compiled tests, by crate and name. The whole workspace: a part of it would compile again."""
    command = [*cargo("test"), "--workspace", "--no-run", "--quiet", "--message-format=json"]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
    built = [message for message in messages if message.get("executable") and message["profile"]["test"]]
    crate = lambda message: message["package_id"].rsplit("#")[-1].split("@")[0]
    return {f"{crate(message)}/{message['target']['name']}": message["executable"] for message in built}


@pytest.mark.parametrize("suite", SUITES)
def test_the_emulator_is_a_backend_like_any(aws, programs, suite):
    done = subprocess.run([programs[suite]], env={SUITES[suite]: aws.url, "PATH": ""}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
