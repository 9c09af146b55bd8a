"""Terraform on the local cloud: finds or fetches the program and its provider, applies `infra/`, remembers the result.

An apply takes over a minute, nearly all of it waiting that is built into the provider, which asks for what it wrote several
times, at fixed intervals, however right the answers are: 12 s for the key, then 25 s for the queues, then 25 s for their
redrive policy; beside these 55 s for lifecycle rules, and 5 s for each function, one after the other. So what an apply created is
kept, the emulator's state and Terraform's, under a key of everything that went in: the configuration, the definition's lock,
the packages, the emulator itself. The same input again starts from there.
Another pipeline.yaml of a lake of the same name starts from there too, and its apply changes what differs.
"""

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from scripts.environment import ROOT, cache_folder
from tests.stack import lock
from tests.stack.processes import Failed, start, wait_until

VERSION = "1.11.4"  # fetched where none is installed
OLDEST = (1, 9)
RELEASES = "https://releases.hashicorp.com/terraform"
MIRRORS = ("/opt/tf-plugins", "~/.terraform.d/plugins", "/usr/share/terraform/plugins")
APPLY_LIMIT = 600

# There is no Amazon MQ on the local cloud: the names stand for the broker and the user that the pump knows.
MAPPING = {
    "broker_arn": "arn:aws:mq:us-east-1:123456789012:broker:local:b-00000000-0000-0000-0000-000000000000",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:foz/mapping-000000",
}


class Apply:
    """One application of `infra/` for a pipeline, which foz must find right; `start_from` tells what the emulator should begin with."""

    def __init__(self, home: Path, pipeline: Path, packages: Path):
        self._home, self._packages, self._folder = home, packages, home / "terraform"
        definition = self._folder / "pipeline"
        locked = lock.copy(pipeline.resolve(), definition)
        self._pipeline = definition / pipeline.name
        made_of = [*tree(ROOT / "infra"), *tree(ROOT / "tests/stack/emulator"), ROOT / "tests/stack/policy.py", ROOT / "requirements.txt"]
        family = cache_folder() / "clouds" / digest([locked["lake"].encode(), *(path.read_bytes() for path in made_of)])
        inputs = [definition / lock.NAME, *sorted(packages.glob("*.zip"))]
        self._kept = family / digest([str(packages).encode(), *(path.read_bytes() for path in inputs)])
        self.start_from: Path | None = None
        if not os.environ.get("FOZ_FRESH"):
            others = sorted(family.glob("*/endpoint"), key=lambda path: path.stat().st_mtime) if family.exists() else []
            self.start_from = self._kept if (self._kept / "endpoint").exists() else others[-1].parent if others else None

    def emulator_arguments(self) -> list[str]:
        """What the emulator is started with to be where the kept state is."""
        return [str(self.start_from / "aws"), (self.start_from / "endpoint").read_text()] if self.start_from else []

    def run(self, endpoint: str) -> dict[str, Any]:
        """Makes the emulator at this endpoint what `infra/` says; answers Terraform's outputs."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = self._folder / "terraform.tfstate"
        state.unlink(missing_ok=True)
        if self.start_from:
            then = (self.start_from / "endpoint").read_text()
            state.write_text((self.start_from / "terraform.tfstate").read_text().replace(then, endpoint))
        if self.start_from != self._kept:
            self.prepare(endpoint)
            self._step(["apply", "-auto-approve"])
            self._keep(endpoint, state)
        return {name: output["value"] for name, output in json.loads(state.read_text())["outputs"].items()}

    def change(self, endpoint: str) -> dict[str, Any]:
        """Makes the emulator, to which an earlier definition of the lake was applied, what this one says."""
        self.prepare(endpoint)
        self._step(["apply", "-auto-approve"])
        state = json.loads((self._folder / "terraform.tfstate").read_text())
        return {name: output["value"] for name, output in state["outputs"].items()}

    def prepare(self, endpoint: str) -> None:
        """Makes a folder in which Terraform's commands can be given by hand."""
        shutil.copytree(ROOT / "infra", self._folder, dirs_exist_ok=True)  # no state or lock file in the work tree
        architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        settings = {
            "pipeline": str(self._pipeline),
            "packages": str(self._packages),
            "architecture": architecture,
            "aws_endpoint_url": endpoint,
            "protected": False,  # a cloud that was made for a test can be taken away again
            "mapping": MAPPING,
        }
        (self._folder / "local.auto.tfvars.json").write_text(json.dumps(settings))
        mirror = provider_mirror()
        self._step(["init", *([f"-plugin-dir={mirror}"] if mirror else [])])

    def _step(self, command: list[str]) -> None:
        name = f"terraform-{command[0]}"
        log = self._home / "logs" / f"{name}.log"
        log.unlink(missing_ok=True)
        process = start(self._home, name, [find(), *command, "-input=false", "-no-color"], environment(), self._folder)
        wait_until(lambda: ended(process.pid), APPLY_LIMIT, f"end of terraform {command[0]}")
        text = log.read_text(errors="replace")
        if ("Apply complete!" if command[0] == "apply" else "successfully initialized") not in text:
            why = [line for line in text.splitlines() if line.startswith("Error")] or text.strip().splitlines()[-1:] or ["it wrote nothing"]
            raise Failed(f"terraform {command[0]}: {why[0]} (see {log})")

    def _keep(self, endpoint: str, state: Path) -> None:
        fresh = self._kept.with_suffix(f".{os.getpid()}")
        fresh.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(f"{endpoint}/_foz/snapshot?path={fresh / 'aws'}", timeout=60) as response:
            response.read()
        shutil.copy(state, fresh / "terraform.tfstate")
        (fresh / "endpoint").write_text(endpoint)
        try:
            fresh.replace(self._kept)
        except OSError:
            shutil.rmtree(fresh)  # another stack kept the same meanwhile


def ended(pid: int) -> bool:
    """Whether our child has ended; takes its exit status."""
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def environment() -> dict[str, str]:
    """The environment for Terraform: an account that does not exist, no look for updates, and what makes it quick."""
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "foz", "AWS_SECRET_ACCESS_KEY": "foz", "CHECKPOINT_DISABLE": "1"}
    # A command starts the provider up to four times, and each checks its 1,400 schemas: a third of that is collecting garbage.
    env.setdefault("GOGC", "400")
    # By default ten operations run at once, waiting ones included: what all else waits for should not queue behind alarms.
    env |= {f"TF_CLI_ARGS_{command}": "-parallelism=40" for command in ("apply", "destroy")}
    if not Path(env.get("TF_CLI_CONFIG_FILE", "/dev/null")).exists():
        del env["TF_CLI_CONFIG_FILE"]  # named but not there: a warning at each command
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "TF_DATA_DIR", "TF_WORKSPACE"):
        env.pop(name, None)
    return env


def find() -> Path:
    """The installed Terraform if it is new enough, else the maker's release in the cache."""
    installed = shutil.which("terraform")
    if installed and version(installed) >= OLDEST:
        return Path(installed)
    fetched = cache_folder() / f"terraform-{VERSION}"
    if not fetched.exists():
        fetch(fetched)
    return fetched


def version(program: str) -> tuple[int, ...]:
    """The version that the program reports; `(0,)` if it reports none."""
    said = subprocess.run([program, "version", "-json"], capture_output=True, text=True, env=environment(), check=False)
    try:
        return tuple(int(part) for part in json.loads(said.stdout)["terraform_version"].split("-")[0].split("."))
    except (ValueError, KeyError):
        return (0,)


def fetch(target: Path) -> None:
    """The maker's release archive, compared with the maker's list of checksums."""
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
    archive = f"terraform_{VERSION}_{platform.system().lower()}_{machine}.zip"
    print(f"terraform: fetching {VERSION} …", flush=True)
    try:
        content = download(f"{RELEASES}/{VERSION}/{archive}")
        sums = download(f"{RELEASES}/{VERSION}/terraform_{VERSION}_SHA256SUMS").decode()
    except (urllib.error.URLError, OSError) as error:
        raise Failed(f"Terraform {'.'.join(map(str, OLDEST))} or newer is not installed, and its release cannot be fetched: {error}") from error
    wanted = [line.split()[0] for line in sums.splitlines() if line.endswith(archive)]
    if wanted != [hashlib.sha256(content).hexdigest()]:
        raise Failed(f"Terraform: the checksum of {archive} is not the one that its maker lists")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        fresh.write_bytes(files.read("terraform"))
    fresh.chmod(0o755)
    fresh.replace(target)


def download(address: str) -> bytes:
    """The body of an answer."""
    with urllib.request.urlopen(address, timeout=60) as response:
        return response.read()


def provider_mirror() -> Path | None:
    """A folder with the provider, if there is one on this machine; else Terraform asks its registry."""
    for place in (os.environ.get("TF_PLUGIN_DIR"), *MIRRORS):
        if place and (folder := Path(place).expanduser()) and any(folder.glob("*/hashicorp/aws/5.*")):
            return folder
    return None


def tree(folder: Path) -> list[Path]:
    """The source files below, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".tf", ".py"))


def digest(parts: list[bytes]) -> str:
    """One name for all of them."""
    together = hashlib.sha256()
    for part in parts:
        together.update(hashlib.sha256(part).digest())
    return together.hexdigest()[:16]
