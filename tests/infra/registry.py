"""What the code declares: metrics, error types, variables, commands. A test in Rust keeps the file true."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from scripts.environment import ROOT

FILE = ROOT / "infra/generated/registry.json"


@dataclass(frozen=True)
class Metric:
    """A metric as it is emitted: `dimensions` are its own and the lake, which every one carries."""

    name: str
    unit: str
    dimensions: frozenset[str]


@cache
def read() -> dict[str, Any]:
    """The whole of it."""
    return json.loads(FILE.read_text())


def namespace() -> str:
    """The CloudWatch namespace of all metrics."""
    return read()["namespace"]


def metrics() -> dict[str, Metric]:
    """The metrics, by name."""
    every = read()["lake_dimension"]
    return {name: Metric(name, told["unit"], frozenset({every, *told["dimensions"]})) for name, told in read()["metrics"].items()}


def error_types() -> set[str]:
    """What a function answers as its error's type."""
    return set(read()["error_types"])


def variables(program: str) -> dict[str, str]:
    """The variables that a program reads: name → `required`, `optional` or `local only`."""
    return {name: told["need"] for name, told in read()["variables"].items() if program in told["programs"]}


def commands() -> set[str]:
    """What `foz` can be told to do."""
    return set(read()["commands"])
