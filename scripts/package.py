#!/usr/bin/env python3
"""Builds what is deployed: a zip for each function, and what the bridge's image is made of.

    package.py functions [--arch arm64|x86_64] [NAME …]     → target/packages/ARCH/NAME.zip
    package.py image [--arch arm64|x86_64] [--ca FILE]      → target/packages/ARCH/image/, for `docker build` and its kin

Standard library only. What it builds with is in packaging.txt: a virtual environment of its own, made at the first call.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import workspace  # noqa: E402
from scripts.environment import ROOT, python_with  # noqa: E402

PACKAGES = ROOT / "target/packages"
REQUIREMENTS = Path(__file__).with_name("packaging.txt")
# What the manifests say that a zip, and the bridge's program, may have at most, in MB.
BUDGET = workspace.budgets("function")
LARGEST_BRIDGE = workspace.budgets("image")["bridge"]
# As Lambda and Fargate call a processor → as Rust does.
PROCESSORS = {"arm64": "aarch64", "x86_64": "x86_64"}


def functions(architecture: str, names: list[str]) -> list[Path]:
    """A zip for each of these functions, under its budget."""
    triple = f"{PROCESSORS[architecture]}-unknown-linux-gnu"
    # All of them select features, whichever are built: what they share is compiled once, and each is the same program
    # alone and among the others.
    selected = [*(f"--package={name}" for name in BUDGET), *(f"--bin={name}" for name in names)]
    cargo("lambda", "build", "--release", "--locked", "--target", triple, *selected)
    packages = [pack(workspace.target() / "lambda" / name / "bootstrap", PACKAGES / architecture / f"{name}.zip") for name in names]
    if over := [package.stem for package in packages if package.stat().st_size > BUDGET[package.stem] * 1e6]:
        sys.exit(f"over budget: {', '.join(over)}")
    return packages


def pack(program: Path, package: Path) -> Path:
    """The same program always gives the same bytes: Terraform compares them."""
    package.parent.mkdir(parents=True, exist_ok=True)
    entry = zipfile.ZipInfo("bootstrap", date_time=(2020, 1, 1, 0, 0, 0))
    entry.external_attr, entry.compress_type = 0o755 << 16, zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(package, "w", compresslevel=9) as archive:
        archive.writestr(entry, program.read_bytes())
    size, whole = package.stat().st_size / 1e6, program.stat().st_size / 1e6
    print(f"{package.relative_to(ROOT)}: {size:.1f} MB of {BUDGET[package.stem]}, {whole:.1f} MB unzipped")
    return package


def image(architecture: str, authority: Path | None) -> Path:
    """A folder with the Dockerfile and all that it copies."""
    triple = f"{PROCESSORS[architecture]}-unknown-linux-musl"
    cargo("zigbuild", "--profile", "bridge", "--locked", "--target", triple, "--package=bridge", "--bin=bridge")
    folder = PACKAGES / architecture / "image"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    shutil.copy(ROOT / "functions/bridge/Dockerfile", folder)
    shutil.copy(workspace.target() / triple / "bridge/bridge", folder)
    trusted = subprocess.run([python_with(REQUIREMENTS), "-m", "certifi"], capture_output=True, text=True, check=True)
    own = authority.read_text() if authority else ""
    (folder / "authorities.pem").write_text(Path(trusted.stdout.strip()).read_text() + own)
    size = (folder / "bridge").stat().st_size / 1e6
    print(f"{folder.relative_to(ROOT)}: {size:.1f} MB of {LARGEST_BRIDGE}, linux/{architecture.replace('x86_64', 'amd64')}")
    if size > LARGEST_BRIDGE:
        sys.exit("over budget: bridge")
    return folder


def cargo(*command: str) -> None:
    """Runs Cargo with its companions at hand; for another processor, with Rust's library for that one. Says how long it took."""
    tools = python_with(REQUIREMENTS).parent
    if shutil.which("rustup"):
        subprocess.run(["rustup", "--quiet", "target", "add", command[command.index("--target") + 1]], cwd=ROOT, check=False)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    began = time.monotonic()
    result = subprocess.run([os.environ.get("CARGO") or "cargo", *command], cwd=ROOT, env=env, check=False)
    if result.returncode:
        sys.exit(f"cargo {' '.join(command)} failed")
    print(f"compiled in {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("functions", "image"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BUDGET)}; all without one")
    parser.add_argument("--arch", choices=PROCESSORS, default="arm64")
    parser.add_argument("--ca", type=Path, help="certificates of an authority of your own, in PEM, that the bridge is to trust too")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BUDGET):
        parser.error(f"no function: {', '.join(sorted(unknown))}")
    if given.what == "image":
        image(given.arch, given.ca)
    else:
        functions(given.arch, given.names or list(BUDGET))


if __name__ == "__main__":
    main()
