"""Runs programs of another processor: qemu and that processor's C library, both from Debian."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = ["qemu-user-static", "libc6-arm64-cross"]
LIBRARIES = Path("/usr/aarch64-linux-gnu")


def runner() -> list[str]:
    """What to put before an arm64 program. Installs what is missing; skips the test, with the reason, if it cannot be had."""
    if platform.machine() in ("aarch64", "arm64"):
        return []
    if not shutil.which("qemu-aarch64-static") or not (LIBRARIES / "lib/libc.so.6").exists():
        install("arm64", PACKAGES)
    return ["qemu-aarch64-static", "-L", str(LIBRARIES)]


def install(what: str, packages: list[str]) -> None:
    """Debian's packages for something that is not here; skips the test, with the reason, if they cannot be had."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        pytest.skip(f"no {what} here, and only root with apt-get can install {', '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        result = subprocess.run(["apt-get", "-q", *command], env=env, capture_output=True, text=True, check=False)
        if result.returncode:
            pytest.skip(f"no {what} here, and apt-get {command[0]} failed: {result.stderr.strip().splitlines()[-1]}")
