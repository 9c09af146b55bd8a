"""What the Rust sources declare: metrics, error types."""

import re
from dataclasses import dataclass

from scripts.environment import ROOT

METRICS = ROOT / "shared/edge/src/metrics.rs"
ERROR_TYPE = ROOT / "shared/wire/src/error_type.rs"
ENTRY = re.compile(r'^    [A-Z_]+ = "(\w+)", (\w+), \[([^\]]*)\], "([^"]+)";$', re.M)


@dataclass(frozen=True)
class Metric:
    """A metric as it is emitted: `dimensions` are its own and the lake, which every one carries."""

    name: str
    unit: str
    dimensions: frozenset[str]


def namespace() -> str:
    """The CloudWatch namespace of all metrics."""
    found = re.search(r'NAMESPACE: &str = "(\w+)"', METRICS.read_text())
    assert found, "metrics.rs names no namespace"
    return found[1]


def of_every_metric() -> str:
    """The dimension that every metric carries."""
    found = re.search(r'LAKE: &str = "(\w+)"', METRICS.read_text())
    assert found, "metrics.rs names no dimension of every metric"
    return found[1]


def metrics() -> dict[str, Metric]:
    """The registry, by name."""
    text = METRICS.read_text()
    body = text.split("\nregistry! {\n", 1)[1].split("\n}\n", 1)[0]
    entries = ENTRY.findall(body)
    assert len(entries) == len(body.splitlines()), "a line of the registry is not understood"
    return {name: Metric(name, unit, frozenset({of_every_metric(), *re.findall(r'"(\w+)"', dimensions)})) for name, unit, dimensions, _meaning in entries}


def error_types() -> set[str]:
    """What a function answers as its error's type."""
    return set(re.findall(r'Self::\w+ => "(\w+)",', ERROR_TYPE.read_text()))
