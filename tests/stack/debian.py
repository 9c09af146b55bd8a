"""Packages of Debian, installed with the system's package manager where something is missing."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.stack.processes import Failed

# What Debian's packages ask before they start a service.
POLICY = Path("/usr/sbin/policy-rc.d")


def install(*packages: str, env: Mapping[str, str] | None = None) -> None:
    """Installs packages, without what they recommend and the services that they would start; `Failed` says why they cannot be had."""
    names = " ".join(packages)
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Failed(f"{names}: not installed, and only root with apt-get can do it: apt-get install {names}")
    with without_services():
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            run(["apt-get", "-q", *command], env)


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Runs a command that asks no questions; if it fails, `Failed` has the last line that it said."""
    told = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **(env or {})}
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise Failed(f"{' '.join(command)[:100]} failed: {lines[-1]}")


@contextmanager
def without_services() -> Iterator[None]:
    """As long as it lasts, no package starts a service."""
    before = POLICY.read_bytes() if POLICY.exists() else None
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_bytes(before)
