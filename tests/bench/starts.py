"""How long the functions take to start: from the start of the process to its first request for an event, which Lambda calls
the duration of its initialisation. Program and libraries are in the page cache."""

from __future__ import annotations

import json
import platform
import statistics
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT
from tests.stack import Stack
from tests.stack.binaries import FUNCTIONS

HERE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
# Counted is what follows the first start, which also reads the program from the disk.
TIMES = 10


@dataclass(frozen=True)
class Start:
    """Several starts of a function."""

    function: str
    program: str
    times: int
    median_milliseconds: float
    slowest_milliseconds: float


def starts(stack: Stack) -> list[Start]:
    """Starts each function cold; as `make package` built it for this machine, if it did. The stack goes on with those packages."""
    found = []
    for name in FUNCTIONS:
        package = ROOT / "target/packages" / HERE / f"{name}.zip"
        if package.exists():
            deploy(stack, name, package)
        took = sorted([start(stack, name) for _ in range(TIMES + 1)][1:])
        program = "package" if package.exists() else "development build"
        found.append(Start(name, program, TIMES, statistics.median(took), took[-1]))
    return found


def deploy(stack: Stack, name: str, package: Path) -> None:
    """Has the function run this package from now on."""
    stack.client("lambda").update_function_code(FunctionName=stack.record["functions"][name], ZipFile=package.read_bytes())
    tell(stack, "refresh")


def start(stack: Stack, name: str) -> float:
    """Milliseconds that a start took, with nothing left of earlier ones."""
    tell(stack, f"restart/{name}")
    [started] = tell(stack, f"warm/{name}")
    return 1000 * started["initialised"]


def tell(stack: Stack, what: str) -> list[dict]:
    """Has the Lambda host do something, and answers what it says."""
    request = urllib.request.Request(f"{stack.record['lambda_endpoint_url']}/_foz/{what}", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())
