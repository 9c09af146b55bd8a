"""`infra/` applied to an emulated AWS of its own, with Terraform at hand for what comes after the apply."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import boto3

from scripts.environment import ROOT
from tests.stack import Stack, binaries, processes, terraform
from tests.stack.processes import Failed, free_ports, listens, start, wait_until

PIPELINE = ROOT / "infra/tests/fixtures/two_streams/pipeline.yaml"
REGION = "us-east-1"
ACCOUNT = "123456789012"


class Local:
    """One emulated AWS and the Terraform state that belongs to it, in a folder."""

    def __init__(self, home: Path):
        self.home, self.endpoint, self.outputs = home, "", {}

    def apply(self, pipeline: Path = PIPELINE) -> dict[str, Any]:
        """Starts an AWS and applies a definition to it, or takes what was kept of the same; answers the outputs."""
        job = terraform.Apply(self.home, pipeline, binaries.packages())
        (port,) = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        aws = start(self.home, "aws", [sys.executable, "-m", "tests.stack.emulator.server", str(port), *job.emulator_arguments()], env)
        wait_until(lambda: listens(port), 30, "answer", aws)
        self.outputs = job.run(self.endpoint)
        job.prepare(self.endpoint)
        return self.outputs

    @classmethod
    def beside(cls, stack: Stack) -> Self:
        """Terraform for the AWS of a stack that runs, which will stop it."""
        local = cls(stack.home)
        local.endpoint = stack.record["aws_endpoint_url"]
        terraform.Apply(stack.home, stack.pipeline, binaries.packages()).prepare(local.endpoint)
        return local

    def change(self, pipeline: Path, **settings: Any) -> None:
        """Applies another definition, or other settings, to the same AWS."""
        terraform.Apply(self.home, pipeline, binaries.packages()).prepare(self.endpoint)
        self.set(**settings)
        self.terraform("apply", "-auto-approve")

    def set(self, **settings: Any) -> None:
        """Changes variables of what is applied next."""
        path = self.home / "terraform/local.auto.tfvars.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    def plan(self) -> str:
        """What a plan would change, in short; `No changes.` if nothing."""
        said = self.run("plan", "-detailed-exitcode")
        return " ".join(re.findall(r"No changes\.|# .* (?:will|must) be .*|^ +[~+-] .*|Error: .*", said.stdout + said.stderr, re.M))

    def terraform(self, *command: str) -> str:
        """Runs Terraform, which must succeed; answers what it wrote."""
        said = self.run(*command)
        if said.returncode:
            raise Failed(f"terraform {command[0]}: {said.stderr}")
        return said.stdout

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Terraform in the folder."""
        words = [str(terraform.find()), command, "-input=false", "-no-color", *arguments]
        return subprocess.run(words, cwd=self.home / "terraform", env=terraform.environment(), capture_output=True, text=True, check=False)

    def client(self, service: str) -> Any:
        """A boto3 client of this AWS."""
        keys = {"aws_access_key_id": "foz", "aws_secret_access_key": "foz"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **keys)

    def close(self) -> None:
        """Stops the AWS."""
        processes.stop_all(self.home)
