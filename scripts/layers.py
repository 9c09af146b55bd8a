#!/usr/bin/env python3
"""Fails when a crate depends on what its layer must not know (ARCHITECTURE.md, "Code map").

Reads `cargo metadata` of the lock file alone: nothing is built, nothing is fetched.
"""

import json
import subprocess
import sys

# What each crate may use of the project's own crates, and which third-party crates it must not reach directly.
ALLOWED = {
    "foz-domain": set(),
    "foz-lambda": {"foz-domain"},
    "foz-pipeline": {"foz-domain"},
    "foz-catalog": {"foz-domain", "foz-pipeline"},
    "foz-lake": {"foz-domain", "foz-pipeline"},
    "foz-engine": {"foz-domain", "foz-pipeline", "foz-lake"},
    "foz-attempt": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-lambda"},
    "bridge": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-lambda"},
    "ingest": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-lambda"},
    "dispatch": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-lambda"},
    "transform": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-engine", "foz-lambda", "foz-attempt"},
    "consolidate": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-engine", "foz-lambda", "foz-attempt"},
    "foz": {"foz-domain", "foz-pipeline", "foz-catalog", "foz-lake", "foz-engine", "foz-lambda"},
}
ONLY_IN = {
    "datafusion": {"foz-engine"},
    "iceberg-datafusion": {"foz-engine"},
    "aws-sdk-dynamodb": {"foz-catalog", "foz-attempt", "bridge", "ingest", "dispatch", "foz"},
    "aws-sdk-glue": {"foz-lake", "foz-attempt", "foz"},
    "lapin": {"bridge", "foz"},
    "lambda_runtime": {"foz-lambda", "ingest", "dispatch", "transform", "consolidate"},
}
# The core is pure: no dependency but the derive macro for its errors.
DOMAIN_MAY_USE = {"thiserror"}


def metadata() -> dict:
    """The workspace as Cargo sees it."""
    done = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps", "--locked", "--offline"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"layers: cargo metadata failed:\n{done.stderr}")
    return json.loads(done.stdout)


def violations(workspace: dict) -> list[str]:
    """One sentence for each dependency that points the wrong way."""
    found = []
    for package in workspace["packages"]:
        name = package["name"]
        if name not in ALLOWED:
            found.append(f"{name}: unknown crate; give it a layer in scripts/layers.py")
            continue
        used = {d["name"] for d in package["dependencies"] if d["kind"] is None}
        for other in sorted(used & ALLOWED.keys() - ALLOWED[name]):
            found.append(f"{name} must not depend on {other}")
        for other in sorted(used & ONLY_IN.keys()):
            if name not in ONLY_IN[other]:
                found.append(f"{name} must not depend on {other}; only {', '.join(sorted(ONLY_IN[other]))} may")
        if name == "foz-domain":
            found += [f"foz-domain must not depend on {other}" for other in sorted(used - DOMAIN_MAY_USE)]
    return found


if __name__ == "__main__":
    wrong = violations(metadata())
    for sentence in wrong:
        print(f"layers: {sentence}", file=sys.stderr)
    if not wrong:
        print("layers: every dependency points inward")
    sys.exit(1 if wrong else 0)
