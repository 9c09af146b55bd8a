#!/usr/bin/env python3
"""The one entry to the local cloud: makes the virtual environment if there is none yet, then runs a command in it.

    run.py up [--pipeline FILE] [--no-build]    start everything and leave it running
    run.py down                                 stop it
    run.py restart WHAT                         bridge, pump, lambda_host, or a function
    run.py status                               what runs, where
    run.py exec MODULE [ARGS …]                 python -m MODULE, in the environment
    run.py spark MODULE [ARGS …]                the same, where Spark and what draws plots is there too
    run.py terraform [ARGS …]                   the Terraform that the local cloud uses
    run.py checkov [ARGS …]                     static checks of infra/, in an environment of their own

Standard library only: this file runs before anything is installed.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.environment import ROOT, python_with  # noqa: E402


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    command = sys.argv[1:] or ["--help"]
    if command[0] in ("-h", "--help"):
        sys.exit(__doc__)
    if command[0] == "checkov":
        python = python_with(ROOT / "requirements-checkov.txt")
        os.execv(python, [str(python), str(python.parent / "checkov"), *command[1:]])
    more = [ROOT / "requirements-spark.txt"] if command[0] == "spark" else []
    python = python_with(ROOT / "requirements.txt", *more)
    module = command[1:] if command[0] in ("exec", "spark") else ["tests.stack.cli", *command]
    if not module:
        sys.exit(f"{command[0]}: name a module, as in `{command[0]} pytest -q tests`")
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    os.execv(python, [str(python), "-m", *module])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
