"""pipeline.lock.json: what `foz check` found a definition to mean. Nothing here reads YAML."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.stack import binaries
from tests.stack.processes import Failed

NAME = "pipeline.lock.json"


def write(pipeline: Path, lock: Path) -> dict[str, Any]:
    """Has foz check the definition and write its lock; answers what the lock says."""
    command = [str(binaries.binary("foz")), "check", f"--lock={lock}", str(pipeline)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise Failed((said.stderr or said.stdout).strip())
    return json.loads(lock.read_text())


def copy(pipeline: Path, folder: Path) -> dict[str, Any]:
    """Makes the folder one with the definition, the files that belong to it, and their lock; answers what the lock says."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lock = write(pipeline, folder / NAME)
    for name in lock["files"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pipeline.parent / name, folder / name)
    return lock
