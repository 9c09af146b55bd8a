"""Terraform's own checks, the modules' tests with mocked providers, and checkov."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.environment import ROOT
from tests.stack import terraform
from tests.stack.binaries import FUNCTIONS

INFRA = ROOT / "infra"
MODULES = sorted({path.parent.parent.relative_to(INFRA) for path in INFRA.rglob("*.tftest.hcl")})


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """infra/ in a folder where Terraform may leave things."""
    infra = Path(shutil.copytree(INFRA, tmp_path_factory.mktemp("infra") / "infra"))
    packages = infra / "tests/fixtures/packages"
    packages.mkdir(parents=True)
    for name in FUNCTIONS:
        (packages / f"{name}.zip").write_text(f"stands for the package of {name}\n")
    return infra


def run(folder: Path, *arguments: str) -> str:
    """Terraform's output; it must succeed."""
    command = [str(terraform.find()), *arguments]
    said = subprocess.run(command, cwd=folder, env=terraform.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert said.returncode == 0, said.stdout
    return said.stdout


def prepare(folder: Path) -> Path:
    """Fetches what the configuration needs, from this machine if it is there."""
    mirror = terraform.provider_mirror()
    run(folder, "init", "-backend=false", "-input=false", "-no-color", *([f"-plugin-dir={mirror}"] if mirror else []))
    return folder


def test_format() -> None:
    run(ROOT, "fmt", "-check", "-recursive", "infra")


def test_validate(copy: Path) -> None:
    assert json.loads(run(prepare(copy), "validate", "-json"))["valid"]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module(copy: Path, module: Path) -> None:
    assert "0 failed" in run(prepare(copy / module), "test", "-no-color")


@pytest.mark.parametrize("folder", sorted(path for path in (INFRA / "modules").iterdir() if path.is_dir()), ids=lambda path: path.name)
def test_every_module_says_what_it_is(folder: Path) -> None:
    assert {"README.md", "outputs.tf", "variables.tf", "versions.tf"} <= {path.name for path in folder.iterdir()}


def test_checkov_finds_nothing_that_is_not_explained() -> None:
    command = [sys.executable, str(ROOT / "tests/stack/run.py"), "checkov", "-d", str(INFRA), "--framework", "terraform", "--skip-download", "-o", "json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(said.stdout)
    failed = [f"{each['check_id']} {each['resource']}: {each['check_name']}" for each in found["results"]["failed_checks"]]
    assert not failed, "\n".join(failed)
    assert found["summary"]["passed"] > 0 and found["summary"]["parsing_errors"] == 0
    unexplained = [each["check_id"] for each in found["results"]["skipped_checks"] if not each["check_result"].get("suppress_comment")]
    assert not unexplained
