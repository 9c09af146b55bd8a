"""Runs programs of another processor: qemu and that processor's C library, both from Debian."""

import platform
import shutil
from pathlib import Path

import pytest

from tests.stack import debian
from tests.stack.processes import Failed

PACKAGES = ["qemu-user-static", "libc6-arm64-cross"]
LIBRARIES = Path("/usr/aarch64-linux-gnu")


def runner() -> list[str]:
    """What to put before an arm64 program. Installs what is missing; skips the test, with the reason, if it cannot be had."""
    if platform.machine() in ("aarch64", "arm64"):
        return []
    if not shutil.which("qemu-aarch64-static") or not (LIBRARIES / "lib/libc.so.6").exists():
        install(*PACKAGES)
    return ["qemu-aarch64-static", "-L", str(LIBRARIES)]


def install(*packages: str) -> None:
    """Debian's packages for something that is not here; skips the test, with the reason, if they cannot be had."""
    try:
        debian.install(*packages)
    except Failed as why:
        pytest.skip(str(why))
