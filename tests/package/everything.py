"""All packages and the bridge's image: `make test-package`. Named so that the ordinary run leaves it out: from nothing,
DataFusion with link-time optimisation takes the better part of an hour on two cores."""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.environment import ROOT
from scripts.package import BUDGET
from tests.package import emulation
from tests.package.test_package import AARCH64, MACHINE, package, program

HERE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
# Runs the image's program without a container engine.
Buildah = Callable[..., str]


@pytest.fixture(scope="module")
def packages() -> dict[str, Path]:
    return dict(zip(BUDGET, package(*BUDGET), strict=True))


@pytest.mark.parametrize("name", BUDGET)
def test_a_package_is_one_program_for_arm64_within_its_budget(packages, name):
    assert program(packages[name])[MACHINE] == AARCH64
    assert packages[name].stat().st_size < BUDGET[name] * 1e6


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Buildah:
    """Buildah with a storage of its own, which needs neither daemon nor registry."""
    if not shutil.which("buildah"):
        emulation.install("buildah")
    storage = tmp_path_factory.mktemp("storage")

    def run(*arguments: str | Path) -> str:
        command = ["buildah", "--storage-driver", "vfs", "--root", storage / "root", "--runroot", storage / "run", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return run


@pytest.fixture(scope="module")
def container(buildah: Buildah) -> Iterator[str]:
    """A container of the bridge's image, for this machine's processor so that it can be run."""
    subprocess.run([sys.executable, ROOT / "scripts/package.py", "image", "--arch", HERE], check=True)
    buildah("bud", "--isolation", "chroot", "--tag", "bridge", ROOT / "target/packages" / HERE / "image")
    name = buildah("from", "--pull-never", "bridge")
    yield name
    buildah("rm", name)


def test_the_image_holds_the_bridge_and_what_it_needs(buildah, container):
    root = Path(buildah("mount", container))
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert files == ["bridge", "etc/ssl/certs/ca-certificates.crt"]
    assert "BEGIN CERTIFICATE" in (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert (root / "tmp").stat().st_uid == 65532


def test_the_image_does_not_run_as_root(buildah):
    config = json.loads(buildah("inspect", "--type", "image", "bridge"))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/bridge"]
    assert config["Volumes"] == {"/tmp": {}}


@pytest.mark.parametrize(("argument", "expected"), [("--version", "bridge "), ("--help", "--drain")])
def test_the_bridge_runs_in_it(buildah, container, argument, expected):
    assert expected in buildah("run", "--isolation", "chroot", container, "--", "/bridge", argument)
