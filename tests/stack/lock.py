"""pipeline.lock.json, by which Terraform knows that `foz check` found nothing wrong with these very files."""

import subprocess
from pathlib import Path

from tests.stack import binaries
from tests.stack.processes import Failed


def write(pipeline: Path) -> None:
    """Has foz check the definition and write the lock beside it."""
    command = [str(binaries.binary("foz")), "check", "--lock", str(pipeline)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise Failed((said.stdout + said.stderr).strip())
