"""Terraform and the emulator agree: what was applied is read back as it was, also from a kept state and at another endpoint."""

import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import yaml

from tests.stack import binaries, processes, terraform
from tests.stack.processes import free_ports, listens, start, wait_until
from tests.stack.run import ROOT

PIPELINE = Path(__file__).parent / "fixtures/two_streams.yaml"


@pytest.fixture
def applied(tmp_path):
    """A function that applies a pipeline to an emulator of its own; answers the outputs, the endpoint and the plan after it."""

    def apply(pipeline: Path) -> tuple[dict, str, str]:
        job = terraform.Apply(tmp_path, pipeline, binaries.packages())
        [port] = free_ports(1)
        endpoint = f"http://127.0.0.1:{port}"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        aws = start(tmp_path, "aws", [sys.executable, "-m", "tests.stack.emulator.server", str(port), *job.emulator_arguments()], env)
        wait_until(lambda: listens(port), 30, "answer", aws)
        outputs = job.run(endpoint)
        job.prepare(endpoint)
        command = [str(terraform.find()), "plan", "-detailed-exitcode", "-input=false", "-no-color"]
        plan = subprocess.run(command, cwd=tmp_path / "terraform", env=terraform.environment(), capture_output=True, text=True, check=False)
        return outputs, endpoint, " ".join(re.findall(r"No changes\.|# .* will be .*|^ +[~+-] .*|Error: .*", plan.stdout + plan.stderr, re.M))

    yield apply
    processes.stop_all(tmp_path)


def test_an_apply_leaves_nothing_to_change_wherever_it_started_from(applied):
    first, _, plan = applied(PIPELINE)
    assert plan == "No changes."
    second, endpoint, plan = applied(PIPELINE)
    assert plan == "No changes."
    assert second == first | {"hint_queue_url": second["hint_queue_url"]}
    assert second["hint_queue_url"].startswith(endpoint)


def test_the_definition_is_the_text_as_written_with_its_sql_inside(applied, tmp_path):
    text = PIPELINE.read_text()
    (tmp_path / "pipeline.yaml").write_text(text.replace("transform: two_streams.sql", "transform: q/a.sql # mine"))
    (tmp_path / "q").mkdir()
    (tmp_path / "q/a.sql").write_text("SELECT flight_id, '\"ü\\' AS x -- ${not a template}\nFROM messages")
    outputs, endpoint, _ = applied(tmp_path / "pipeline.yaml")
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="foz", aws_secret_access_key="foz")
    stored = s3.get_object(Bucket=outputs["bucket"], Key=outputs["definition"])["Body"].read().decode()
    assert yaml.safe_load(stored)["streams"]["flights"]["transform"] == (tmp_path / "q/a.sql").read_text()
    lines = list(zip((tmp_path / "pipeline.yaml").read_text().split("\n"), stored.split("\n"), strict=True))
    assert [written for written, kept in lines if written != kept] == ["    transform: q/a.sql # mine"]
    assert re.fullmatch(r"config/[0-9a-f]{64}\.yaml", outputs["definition"])
