#!/usr/bin/env python3
"""The one entry to the local cloud: makes the virtual environment if there is none yet, then runs a command in it.

    run.py up [--pipeline FILE] [--no-build]    start everything and leave it running
    run.py down                                 stop it
    run.py restart WHAT                         bridge, pump, lambda_host, or a function
    run.py status                               what runs, where
    run.py exec MODULE [ARGS …]                 python -m MODULE, in the environment
    run.py terraform [ARGS …]                   the Terraform that the local cloud uses
    run.py checkov [ARGS …]                     static checks of infra/, in an environment of their own

Standard library only: this file runs before anything is installed.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
CHECKOV = ROOT / "requirements-checkov.txt"


def cache_folder() -> Path:
    """Where set-up is kept between checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foz"


def environment(requirements: Path = REQUIREMENTS) -> Path:
    """The Python of the virtual environment of these requirements; made at the first call."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_folder() / f"venv-{key}"
    python, finished = folder / "bin" / "python", folder / "finished"
    if finished.exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two checkouts may set up at once
        if not finished.exists():
            print(f"python: installing the packages of {requirements.name} (about a minute, once) …", file=sys.stderr, flush=True)
            run([sys.executable, "-m", "venv", "--clear", folder])
            run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements])
            finished.touch()
    return python


def run(command: list) -> None:
    """Runs a step of the set-up; if it fails, its last line says why."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        lines = [line for line in result.stdout.splitlines() if line.strip()] or ["no output"]
        sys.exit(f"cannot set up Python packages: {lines[-1]}")


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    command = sys.argv[1:] or ["--help"]
    if command[0] in ("-h", "--help"):
        sys.exit(__doc__)
    if command[0] == "checkov":
        python = environment(CHECKOV)
        os.execv(python, [str(python), str(python.parent / "checkov"), *command[1:]])
    python = environment()
    module = command[1:] if command[0] == "exec" else ["tests.stack.cli", *command]
    if not module:
        sys.exit("exec: name a module, as in `exec pytest -q tests`")
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    os.execv(python, [str(python), "-m", *module])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
