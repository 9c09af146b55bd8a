#!/usr/bin/env python3
"""Fails if a crate depends on what its layer must not know (ARCHITECTURE.md, "Code map"), or if a permission stands here
that nothing uses."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import workspace  # noqa: E402

# What each crate may use of the project's own crates. A crate that has no line here has no layer yet.
ALLOWED = {
    "foz-domain": set(),
    "foz-testkit": {"foz-domain"},
    "foz-wire": {"foz-domain"},
    "foz-edge": {"foz-domain", "foz-wire", "foz-catalog", "foz-lake"},
    "foz-pipeline": {"foz-domain"},
    "foz-retry": set(),
    "foz-catalog": {"foz-domain", "foz-retry"},
    "foz-lake": {"foz-domain", "foz-pipeline", "foz-retry"},
    "foz-rabbit": {"foz-domain", "foz-wire", "foz-lake"},
    "foz-engine": {"foz-domain", "foz-pipeline", "foz-lake"},
    "foz-attempt": {"foz-domain", "foz-wire", "foz-pipeline", "foz-catalog", "foz-lake", "foz-edge"},
    "bridge": {
        "foz-domain",
        "foz-wire",
        "foz-pipeline",
        "foz-catalog",
        "foz-lake",
        "foz-edge",
        "foz-rabbit",
        "foz-retry",
    },
    "foz": {"foz-domain", "foz-wire", "foz-pipeline", "foz-catalog", "foz-lake", "foz-edge", "foz-rabbit"},
}
# What every function may use besides; what few of them need is in ONLY_IN.
FUNCTIONS_MAY = {"foz-catalog", "foz-domain", "foz-edge", "foz-lake", "foz-pipeline", "foz-wire"}
# Crates that only these may reach directly.
ONLY_IN = {
    "foz-attempt": {"transform", "consolidate", "compact"},
    "foz-engine": {"foz", "transform", "consolidate"},
    "datafusion": {"foz-engine"},
    "iceberg-datafusion": {"foz-engine"},
    "aws-sdk-dynamodb": {"foz-catalog", "foz-edge", "foz-testkit"},
    "aws-sdk-glue": {"foz-lake", "foz-edge"},
    "lapin": {"foz-rabbit"},
    "reqwest": {"foz-rabbit"},
    "lambda_runtime": {"foz-edge", "consolidate", "compact"},
}
# The core is pure: no dependency but the derive macro for its errors.
DOMAIN_MAY_USE = {"thiserror"}


def used(package: dict[str, Any]) -> set[str]:
    """What the crate depends on in what is released."""
    return {each["name"] for each in package["dependencies"] if each["kind"] != "dev"}


def allowed(name: str) -> set[str] | None:
    """The project's own crates that this one may use; `None` if it has no layer yet."""
    return ALLOWED.get(name, FUNCTIONS_MAY if name in workspace.functions() else None)


def outward(packages: list[dict[str, Any]]) -> list[str]:
    """One sentence for each dependency that points the wrong way."""
    found, ours = [], {package["name"] for package in packages}
    for package in packages:
        name, uses = package["name"], used(package)
        if (may := allowed(name)) is None:
            found.append(f"{name}: unknown crate; give it a layer in scripts/layers.py")
            continue
        found += [f"{name} must not depend on {other}" for other in sorted(uses & ours - may - ONLY_IN.keys())]
        for other in sorted(uses & ONLY_IN.keys()):
            if name not in ONLY_IN[other]:
                found.append(f"{name} must not depend on {other}; only {', '.join(sorted(ONLY_IN[other]))} may")
        if name == "foz-domain":
            found += [f"foz-domain must not depend on {other}" for other in sorted(uses - DOMAIN_MAY_USE)]
    return found


def unused_permissions(packages: list[dict[str, Any]]) -> list[str]:
    """One sentence for each line above that allows what nobody does."""
    uses = {package["name"]: used(package) for package in packages}
    found = [f"{name} is no crate: take it out of ALLOWED" for name in ALLOWED if name not in uses]
    of_functions = set().union(*(uses[name] for name in workspace.functions()))
    found += [f"no function depends on {other}: take it out of FUNCTIONS_MAY" for other in sorted(FUNCTIONS_MAY - of_functions)]
    for table, permissions in (
        ("ALLOWED", [(name, other) for name, others in ALLOWED.items() for other in others]),
        ("ONLY_IN", [(name, other) for other, names in ONLY_IN.items() for name in names]),
        ("DOMAIN_MAY_USE", [("foz-domain", other) for other in DOMAIN_MAY_USE]),
    ):
        found += [f"{name} does not depend on {other}: take it out of {table}" for name, other in sorted(permissions) if other not in uses.get(name, ())]
    return found


def main() -> None:
    packages = workspace.metadata()["packages"]
    wrong = outward(packages) + unused_permissions(packages)
    for sentence in wrong:
        print(f"layers: {sentence}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    print("layers: every dependency points inward")


if __name__ == "__main__":
    main()
