"""The local cloud as a whole: started in the right order, stopped whatever happens, with handles for tests."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from scripts.environment import ROOT
from tests.stack import binaries, processes, record
from tests.stack.broker import Broker, control
from tests.stack.processes import Failed, Process, free_ports, listens, start, wait_until
from tests.stack.terraform import Apply
from tests.stack.warden import Warden

REGION = "us-east-1"
HOME = ROOT / ".local"
# Logs of this many earlier stacks are kept.
KEPT = 5
NUMBERS = itertools.count(1)


class Stack:
    """A local cloud: `with Stack(pipeline=path) as stack:` starts one of its own and stops it at the end.

    `before_start` is called once Terraform has applied, before anything of Foz runs: a lake can be put there.
    """

    def __init__(
        self,
        pipeline: str | Path,
        home: Path | None = None,
        quiet: bool = False,
        build: bool = True,
        before_start: Callable[[Self], object] = lambda _: None,
    ):
        self.pipeline = Path(pipeline).resolve()
        self.home = home or HOME / "stacks" / f"{os.getpid()}-{next(NUMBERS)}"
        self._quiet, self._build = quiet, build and os.environ.get("FOZ_BUILD") != "0"
        self._before_start = before_start
        self._warden: Warden | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Life

    def open(self) -> None:
        """Starts everything; when anything fails or is interrupted, stops what was started."""
        tidy(self.home)
        self._warden = Warden(self.home)
        building = None
        try:
            building = binaries.build() if self._build else None
            broker = Broker(self.home)
            if building and building.wait():
                raise Failed("cargo build failed")
            apply = Apply(self.home, self.pipeline, binaries.packages())  # foz makes its lock
            lambda_port, aws_port = free_ports(2)
            self._note(
                aws_endpoint_url=f"http://127.0.0.1:{aws_port}",
                lambda_endpoint_url=f"http://127.0.0.1:{lambda_port}",
                amqp_url=broker.amqp_url,
                management_url=broker.management_url,
                region=REGION,
                pipeline=str(self.pipeline),
                log_folder=str(self.home / "logs"),
                fail_points=str(self.home / "fail_points"),
            )
            (self.home / "fail_points").mkdir(exist_ok=True)
            with self._step("emulated AWS"):
                self._python("aws", "tests.stack.emulator.server", str(aws_port), *apply.emulator_arguments())
            with self._step("Terraform" if apply.start_from else "Terraform (about a minute, once)"):
                outputs = apply.run(self.record["aws_endpoint_url"])
            self._note(**{name: value for name, value in outputs.items() if name != "region"}, hint_queue=outputs["hint_queue_url"].rsplit("/", 1)[-1])
            with self._step("RabbitMQ"):
                broker.wait()
            self._before_start(self)
            with self._step("Lambda host, event pump, queues, bridge"):
                self._python("lambda_host", "tests.stack.lambda_host.host", str(lambda_port), str(self.home))
                self._python("pump", "tests.stack.pump.run")
                declared = self.foz("queues", "--apply")
                if declared.returncode:
                    raise Failed(f"foz queues --apply: {(declared.stderr or declared.stdout).strip()}")
                bridge = self.start_bridge()
                if "RUST_LOG" not in os.environ:  # it may have been told to be silent
                    wait_until(lambda: "the bridge starts" in Path(bridge.log).read_text(errors="replace"), 30, "start of the bridge", bridge)
        except BaseException:
            if building and building.poll() is None:
                building.terminate()
            self.close()
            raise

    def check(self) -> None:
        """Fails if the definition is wrong. Compiles first what is not up to date."""
        if self._build:
            building = binaries.build()
            try:
                if building.wait():
                    raise Failed("cargo build failed")
            except BaseException:
                building.terminate()
                raise
            self._build = False
        said = subprocess.run([binaries.binary("foz"), "check", self.pipeline], env={"LANG": "C.UTF-8"}, capture_output=True, text=True, check=False)
        if said.returncode:
            raise Failed(f"the definition is not right, nothing was changed\n{(said.stderr or said.stdout).rstrip()}")

    def close(self) -> None:
        """Stops everything; what is left of it are the logs."""
        processes.stop_all(self.home)
        if self._warden:
            self._warden.close()
        for folder in ("rabbitmq", "code", "terraform"):
            shutil.rmtree(self.home / folder, ignore_errors=True)

    def leave_running(self) -> None:
        """Has the stack outlive this process."""
        if self._warden:
            self._warden.release()

    # What runs

    @property
    def record(self) -> dict[str, Any]:
        """`stack.json`, as it is now."""
        return record.read(self.home)

    def pid(self, name: str) -> int:
        """Process id of a process or of a function's oldest environment."""
        return self.record["pids"][name]

    def alive(self, name: str) -> bool:
        """Whether it runs."""
        found = processes.find(self.home, name)
        return found.alive() if found else bool(self.record.get("functions_running", {}).get(name))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Signals a process, or all environments of a function; waits until what was killed is gone."""
        found = processes.find(self.home, name)
        if found:
            processes.kill(found, number)
            if number == signal.SIGKILL:
                wait_until(lambda: not found.alive(), 10, f"end of {name}")
                processes.reap(found)
            return
        for pid in self.record.get("functions_running", {}).get(name, []):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # it ended by itself

    def restart(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Starts a bridge, the pump or the Lambda host, with its functions, again, killing it if it runs. A function starts with its next event.

        `env` is for a bridge, or for the Lambda host and its functions.
        """
        if name in binaries.FUNCTIONS:
            url = f"{self.record['lambda_endpoint_url']}/_foz/restart/{name}"
            urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10).close()
        elif name == "bridge" or (name.startswith("bridge") and processes.find(self.home, name)):
            self.kill(name)
            self.start_bridge(name, env)
        elif name == "pump":
            self.kill(name)
            self._python("pump", "tests.stack.pump.run")
        elif name == "lambda_host":
            self.kill(name)
            self._python("lambda_host", "tests.stack.lambda_host.host", self.record["lambda_endpoint_url"].rsplit(":", 1)[1], str(self.home), env=env)
        else:
            raise Failed(f"cannot restart {name}: name bridge (or another that was started), pump, lambda_host, or one of {', '.join(binaries.FUNCTIONS)}")

    def change(self, pipeline: str | Path) -> None:
        """Applies another definition of the same lake while everything runs, and starts the bridge anew with it."""
        self.pipeline = Path(pipeline).resolve()
        outputs = Apply(self.home, self.pipeline, binaries.packages()).change(self.record["aws_endpoint_url"])
        self._note(definition=outputs["definition"], pipeline=str(self.pipeline))
        declared = self.foz("queues", "--apply")
        if declared.returncode:
            raise Failed(f"foz queues --apply: {(declared.stderr or declared.stdout).strip()}")
        self.restart("bridge")

    def start_bridge(self, name: str = "bridge", env: Mapping[str, str] | None = None) -> Process:
        """Starts a bridge; several share the groups of streams."""
        return start(self.home, name, [binaries.binary("bridge")], self.env("bridge") | dict(env or {}))

    # Handles for tests

    def binary(self, name: str) -> Path:
        """A program of the project."""
        return binaries.binary(name)

    def environments(self, function: str) -> list[dict[str, Any]]:
        """The environments in which a function runs: process, code, and how many events each has answered."""
        with urllib.request.urlopen(f"{self.record['lambda_endpoint_url']}/_foz/environments") as answer:
            return [each for each in json.loads(answer.read()) if each["function"] == function]

    def env(self, who: str = "foz") -> dict[str, str]:
        """The environment of a process of that name, complete but for its own switches."""
        known = self.record
        told = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/tmp"),
            "LANG": "C.UTF-8",
            "AWS_REGION": known["region"],
            "AWS_ACCESS_KEY_ID": "foz",
            "AWS_SECRET_ACCESS_KEY": "foz",
            "AWS_ENDPOINT_URL": known["aws_endpoint_url"],
            "AWS_ENDPOINT_URL_LAMBDA": known["lambda_endpoint_url"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "FOZ_LOCAL": "1",
            "FOZ_FAIL_POINTS": known["fail_points"],
            # Tests kill engines: a minute's silence, as in production, would be most of their time.
            "FOZ_TAKEOVER_AFTER": "15",
        }
        told |= {name: value for name, value in os.environ.items() if name.startswith("RUST_") or name == "FOZ_REWRITE_BELOW"}
        if who == "pump":
            told["AMQP_URL"] = known["amqp_url"]
        if who in ("bridge", "foz"):
            told |= {
                "FOZ_BUCKET": known["bucket"],
                "FOZ_TABLE": known["table"],
                "FOZ_GLUE_DATABASE": known["glue_database"],
                "FOZ_DEFINITION": known["definition"],
                "FOZ_HINT_QUEUE_URL": known["hint_queue_url"],
                "FOZ_INGEST_FUNCTION": known["functions"]["ingest"],
                "FOZ_AMQP_URL": known["amqp_url"],
                "FOZ_MANAGEMENT_URL": known["management_url"],
            }
        return told

    def foz(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs the CLI on this stack."""
        command = [str(binaries.binary("foz")), *arguments]
        return subprocess.run(command, env=self.env(), cwd=self.home, capture_output=True, text=True, timeout=timeout, check=False)

    def arm(self, point: str, action: str = "exit") -> Path:
        """Has the process that passes this fail point next `exit`, `panic`, `error`, `outage` or `hang` there; the file is gone once it did.
        `panic 3`: the next three."""
        path = Path(self.record["fail_points"]) / point
        path.write_text(action)
        return path

    def rabbitmqctl(self, *arguments: str) -> None:
        """Tells the broker's node something by its command line."""
        control(self.home, self.pid("rabbitmq"), *arguments)

    def enable_plugin(self, name: str) -> None:
        """Has the broker's node run a plugin, for as long as it lives."""
        control(self.home, self.pid("rabbitmq"), "enable", name, program="rabbitmq-plugins")

    def log(self, name: str, since: int = 0) -> str:
        """What the processes of that name wrote, one after the other, from this character on: `since` is how long the log was then."""
        return (Path(self.record["log_folder"]) / f"{name}.log").read_text(errors="replace")[since:]

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated AWS."""
        url = self.record["aws_endpoint_url"]
        return boto3.client(service, endpoint_url=url, region_name=REGION, aws_access_key_id="foz", aws_secret_access_key="foz")

    # Parts

    def _python(self, name: str, module: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        env = self.env(name) | dict(env or {}) | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        process = start(self.home, name, [sys.executable, "-m", module, *arguments], env)
        if name != "pump":
            port = int(arguments[0])
            wait_until(lambda: listens(port), 30, "answer", process)

    def _note(self, **facts: Any) -> None:
        record.change(self.home, lambda entry: entry.update(facts))

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        if not self._quiet:
            print(f"{what}: ready after {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)


def tidy(home: Path) -> None:
    """Stops what still runs in this folder and forgets what it left; drops all but the latest logs of stacks that ended."""
    processes.stop_all(home)
    shutil.rmtree(home / "logs", ignore_errors=True)
    shutil.rmtree(home / "fail_points", ignore_errors=True)
    ended = [folder for folder in home.parent.glob("*-*") if home.parent.name == "stacks" and not (folder / record.NAME).exists()]
    for folder in sorted(ended, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
