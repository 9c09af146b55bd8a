"""The observability module applied to an emulated CloudWatch, for a lake with more streams than a graph has lines."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from scripts.environment import ROOT
from tests.infra import registry
from tests.stack import processes, terraform
from tests.stack.binaries import FUNCTIONS
from tests.stack.processes import free_ports, listens, start, wait_until

# Twelve groups: one of three streams, eleven of one.
GROUPS = [{"name": "airlines", "streams": ["airlines", "flights", "planes"]}, *({"name": f"s{n}", "streams": [f"s{n}"]} for n in range(11))]
STREAMS = [stream for group in GROUPS for stream in group["streams"]]

SETTINGS = {
    "name": "foz-flights",
    "region": "us-east-1",
    "registry": registry.read(),
    "groups": GROUPS,
    "streams": {stream: {"max_latency": 60, "consolidate_every": 20} for stream in STREAMS},
    "functions": {name: f"foz-flights-{name}" for name in FUNCTIONS},
    "queues": {"hints": "foz-flights-hints", "dead": "foz-flights-hints-dead"},
    "bucket": "foz-flights-123456789012",
    "table": "foz-flights",
    # Some groups by the bridge, one by a mapping: so each kind of alarm is there.
    "held": {"groups": ["airlines", "s0"]},
    "mapped": {"s1": {"broker": "foz-flights", "vhost": "/", "queue": "s1.state"}},
    "bridge": {"cluster": "foz-flights", "service": "foz-flights-bridge"},
}

PROVIDER = """
provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {
    cloudwatch = "%s"
  }
}
"""


@dataclass(frozen=True)
class Watched:
    """What CloudWatch was told."""

    alarms: list[dict[str, Any]]
    widgets: list[dict[str, Any]]


@contextmanager
def observed(home: Path) -> Iterator[Watched]:
    """Applies the module below `home`, to an emulator of its own."""
    [port] = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        aws = start(home, "aws", [sys.executable, "-m", "tests.stack.emulator.server", str(port)], env)
        wait_until(lambda: listens(port), 30, "answer", aws)
        apply(home / "module", endpoint)
        keys = {"aws_access_key_id": "foz", "aws_secret_access_key": "foz"}
        client = boto3.client("cloudwatch", endpoint_url=endpoint, region_name="us-east-1", **keys)
        alarms = [alarm for page in client.get_paginator("describe_alarms").paginate() for alarm in page["MetricAlarms"]]
        yield Watched(alarms, json.loads(client.get_dashboard(DashboardName="foz-flights")["DashboardBody"])["widgets"])
    finally:
        processes.stop_all(home)


def apply(folder: Path, endpoint: str) -> None:
    """Applies a copy of the module."""
    shutil.copytree(ROOT / "infra/modules/observability", folder, ignore=shutil.ignore_patterns(".terraform*", "tests"))
    (folder / "provider.tf").write_text(PROVIDER % endpoint)
    (folder / "settings.auto.tfvars.json").write_text(json.dumps(SETTINGS))
    mirror = terraform.provider_mirror()
    for command in (["init", *([f"-plugin-dir={mirror}"] if mirror else [])], ["apply", "-auto-approve"]):
        run = [str(terraform.find()), *command, "-input=false", "-no-color"]
        done = subprocess.run(run, cwd=folder, env=terraform.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
