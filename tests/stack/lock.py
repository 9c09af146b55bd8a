"""pipeline.lock.json, by which Terraform knows that `foz check` found nothing wrong with this very text."""

import subprocess
from pathlib import Path

from tests.stack import binaries
from tests.stack.processes import Failed

UNKNOWN_ARGUMENT = 2


def write(pipeline: Path) -> bool:
    """Has foz check the definition and write the lock beside it; answers whether this foz knows how to."""
    command = [str(binaries.binary("foz")), "check", "--lock", str(pipeline)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode == UNKNOWN_ARGUMENT and "--lock" in said.stderr:
        return False
    if said.returncode:
        raise Failed((said.stdout + said.stderr).strip())
    return True
