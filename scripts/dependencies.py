#!/usr/bin/env python3
"""Fails when a dependency is unused, has a licence or a source that we do not take, or is banned (deny.toml says what is).

Both programs read manifests and sources alone: nothing is compiled. They are in dependencies.txt: a virtual environment of
their own, made at the first call.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.environment import ROOT, python_with  # noqa: E402

REQUIREMENTS = Path(__file__).with_name("dependencies.txt")
CHECKS = (
    ("licences, bans and sources", ["cargo-deny", "--locked", "--log-level", "error", "check", "licenses", "bans", "sources"]),
    ("unused dependencies", ["cargo-shear", "--locked"]),
)


def main() -> None:
    tools = python_with(REQUIREMENTS).parent
    failed = []
    for what, (program, *arguments) in CHECKS:
        result = subprocess.run([tools / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode:
            failed.append(what)
            print(result.stdout + result.stderr, file=sys.stderr)
    if failed:
        sys.exit(f"dependencies: {' and '.join(failed)}: see above")
    print("dependencies: all are used, and none is refused")


if __name__ == "__main__":
    main()
