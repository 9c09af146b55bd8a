"""An emulated AWS with a Lambda host, without anything else of the stack."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from scripts.environment import ROOT
from tests.stack import processes
from tests.stack.processes import free_ports, listens, start, wait_until

REGION = "us-east-1"


class Aws:
    """Where it listens, and clients for it."""

    def __init__(self, home: Path):
        self.home = home
        port, lambda_port = free_ports(2)
        self.url, self.lambda_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{lambda_port}"
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_url,
        }
        self.run("aws", "tests.stack.emulator.server", str(port))
        self.run("lambda_host", "tests.stack.lambda_host.host", str(lambda_port), str(home))
        wait_until(lambda: listens(port) and listens(lambda_port), 30, "answer")

    def run(self, name: str, module: str, *arguments: str) -> None:
        """Starts a process of the cloud."""
        start(self.home, name, [sys.executable, "-m", module, *arguments], self.env)

    def client(self, service: str, url: str | None = None):
        """A boto3 client, which retries nothing."""
        settings = Config(retries={"max_attempts": 0}, max_pool_connections=50, read_timeout=90)
        keys = {"aws_access_key_id": "foz", "aws_secret_access_key": "foz"}
        return boto3.client(service, endpoint_url=url or self.url, region_name=REGION, config=settings, **keys)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    home = tmp_path_factory.mktemp("aws")
    try:
        yield Aws(home)
    finally:
        processes.stop_all(home)
