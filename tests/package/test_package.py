"""What is deployed is what it should be: one program for the right processor, small enough, that answers."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.environment import ROOT
from tests.package import emulation
from tests.package.runtime import Runtime

# Where an ELF file says which machine it is for, and what it says.
MACHINE = slice(18, 20)
AARCH64 = (183).to_bytes(2, "little")
DEFINITION = "lake: parcels\nstreams:\n  parcels: { queue: parcels.state, key: [id], columns: { id: string } }\n"
# Emulated, on a busy machine; a function that is well answers within seconds.
PATIENCE = 120


def package(*names: str) -> list[Path]:
    """The zips of these functions for arm64, built if anything changed."""
    subprocess.run([sys.executable, ROOT / "scripts/package.py", "functions", *names], check=True)
    return [ROOT / f"target/packages/arm64/{name}.zip" for name in names]


def program(archive: Path) -> bytes:
    """The one file in the zip."""
    with zipfile.ZipFile(archive) as opened:
        [entry] = opened.infolist()
        assert entry.filename == "bootstrap"
        assert entry.external_attr >> 16 & 0o111, "it can be executed"
        return opened.read(entry)


@pytest.fixture(scope="module")
def ingest() -> Path:
    return package("ingest")[0]


def test_ingest_is_one_program_for_arm64_within_its_budget(ingest):
    assert program(ingest)[MACHINE] == AARCH64
    assert ingest.stat().st_size < 10e6


def test_a_package_of_the_same_program_is_the_same(ingest):
    before = ingest.read_bytes()
    assert package("ingest")[0].read_bytes() == before


def test_ingest_starts_and_answers(ingest, tmp_path):
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_bytes(program(ingest))
    bootstrap.chmod(0o755)
    command = [*emulation.runner(), str(bootstrap)]
    event = {"stream": "parcels", "epoch": 1, "ordinal": 1, "digest": "00" * 32, "messages": 1, "frame": "bm8gZnJhbWU="}
    with Runtime(event, DEFINITION) as runtime:
        environment = {
            "PATH": "/usr/bin",
            "AWS_LAMBDA_RUNTIME_API": runtime.address,
            "AWS_LAMBDA_FUNCTION_NAME": "ingest",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "foz",
            "AWS_SECRET_ACCESS_KEY": "foz",
            "AWS_ENDPOINT_URL": f"http://{runtime.address}",
            "FOZ_BUCKET": "bucket",
            "FOZ_TABLE": "table",
            "FOZ_DEFINITION": "config/definition.yaml",
            "FOZ_HINT_QUEUE_URL": f"http://{runtime.address}/queue",
        }
        process = subprocess.Popen(command, env=environment, cwd=tmp_path)
        try:
            kind, answer = runtime.answer(PATIENCE)
        finally:
            process.kill()
            process.wait()
    # It has read its definition, knows the stream, and has looked into the frame, which is none.
    assert kind == "response", answer
    assert answer["outcome"] == "conflict", answer
    assert answer["reason"].startswith("frame is not"), answer
