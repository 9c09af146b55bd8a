"""The workspace as Cargo sees it: its crates, which of them are functions, where Cargo puts what it builds.

Reads `cargo metadata` of the manifests alone: nothing is built, nothing is fetched. Standard library only.

A crate says in its manifest what it is deployed as, and how many MB that may have:

    [package.metadata.foz]
    function = { budget_mb = 10 }
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from scripts.environment import ROOT


@cache
def metadata() -> dict[str, Any]:
    """What `cargo metadata` says, without what is fetched; without an answer the program ends."""
    command = [os.environ.get("CARGO") or "cargo", "metadata", "--format-version=1", "--no-deps", "--locked", "--offline"]
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("Rust: no cargo on the path; install the toolchain of rust-toolchain.toml with rustup")
    if said.returncode:
        sys.exit(f"cargo metadata failed:\n{said.stderr.strip()}")
    return json.loads(said.stdout)


def target() -> Path:
    """Where Cargo puts what it builds."""
    return Path(metadata()["target_directory"])


def budgets(kind: str) -> dict[str, int]:
    """Each crate that is deployed as a `function` or an `image` → the MB that it may have."""
    told = {package["name"]: ((package["metadata"] or {}).get("foz") or {}).get(kind) for package in metadata()["packages"]}
    return {name: how["budget_mb"] for name, how in sorted(told.items()) if how}


def functions() -> tuple[str, ...]:
    """The Lambda functions, in the order of their names."""
    return tuple(budgets("function"))


def sources(package: dict[str, Any], *folders: str) -> list[Path]:
    """A crate's Rust files below these folders of its own."""
    home = Path(package["manifest_path"]).parent
    return sorted(path for folder in folders for path in (home / folder).rglob("*.rs"))
