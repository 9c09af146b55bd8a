"""The project's programs: compiled in one call, found in Cargo's target folder."""

import hashlib
import io
import os
import subprocess
import zipfile
from functools import cache
from pathlib import Path

from scripts import workspace
from scripts.environment import ROOT, cache_folder
from tests.stack.processes import Failed

FUNCTIONS = workspace.functions()


@cache
def target() -> Path:
    """Where Cargo puts what it builds."""
    return workspace.target() / "debug"


def binary(name: str) -> Path:
    """A program of the project, `examples/NAME` for one of its examples."""
    path = target() / name
    if not path.exists():
        raise Failed(f"{path} was not built: run `make build`")
    return path


def cargo(command: str) -> list[str]:
    """Cargo, or what stands in for it on this machine."""
    return [os.environ.get("CARGO") or "cargo", command]


def build() -> subprocess.Popen[bytes]:
    """Starts to compile everything that is not up to date, with Cargo's own progress on the terminal."""
    try:
        # The whole workspace: a part of it would unite other features and compile the heavy crates again.
        return subprocess.Popen([*cargo("build"), "--workspace", "--quiet" if finished_before() else "--color=auto"], cwd=ROOT)
    except FileNotFoundError as error:
        raise Failed("Rust: no cargo on the path; install the toolchain of rust-toolchain.toml with rustup") from error


def finished_before() -> bool:
    """Whether all programs are there, so that most likely little is left to compile."""
    return all((target() / name).exists() for name in ("bridge", "foz", *FUNCTIONS))


def packages() -> Path:
    """A folder of zips for Terraform. Each holds a `bootstrap` that runs the program where Cargo put it: nothing large is
    copied, and a program that is built anew needs no new zip. The same target folder always gives the same path and bytes:
    Terraform compares both."""
    folder = cache_folder() / "packages" / hashlib.sha256(str(target()).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name in FUNCTIONS:
        entry = zipfile.ZipInfo("bootstrap", date_time=(2020, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(entry, f"#!/bin/sh\nexec '{target() / name}'\n")
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.write_bytes(content.getvalue())
        fresh.replace(folder / f"{name}.zip")
    return folder
