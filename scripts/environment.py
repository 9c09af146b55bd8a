"""Where the checkout and its caches are, and virtual environments that are made when they are first needed.

Used by the scripts and by the local cloud. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations  # an older Python gets as far as being told that it is too old

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def cache_folder() -> Path:
    """Where set-up is kept between checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foz"


def python_with(*requirements: Path) -> Path:
    """The Python of a virtual environment with these requirements; made at the first call."""
    key = hashlib.sha256(b"".join(path.read_bytes() for path in requirements) + sys.version.encode()).hexdigest()[:12]
    folder = cache_folder() / f"venv-{key}"
    python, finished = folder / "bin" / "python", folder / "finished"
    if finished.exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two checkouts may set up at once
        if not finished.exists():
            print(f"python: installing the packages of {requirements[-1].name} (about a minute, once) …", file=sys.stderr, flush=True)
            _set_up([sys.executable, "-m", "venv", "--clear", folder])
            _set_up([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *(f"--requirement={path}" for path in requirements)])
            finished.touch()
    return python


def _set_up(command: list[str | Path]) -> None:
    """Runs a step of the set-up; if it fails, its last line says why."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        lines = [line for line in result.stdout.splitlines() if line.strip()] or ["no output"]
        sys.exit(f"cannot set up Python packages: {lines[-1]}")
