"""One function: its environments, and who may run now."""

import io
import os
import shutil
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.stack import record
from tests.stack.lambda_host.environment import Environment, Gone, Outcome, failure

# Lambda's default is a thousand for an account; here it only keeps a runaway from filling the machine.
UNRESERVED = 50
# How often an event may meet an environment that is just ending.
ATTEMPTS = 3


class Throttled(Exception):
    """The function runs as often at once as it may."""


class Function:
    """Starts an environment for each concurrent invocation, and uses it again."""

    def __init__(self, home: Path, configuration: dict[str, Any], fetch: Callable[[str], Awaitable[bytes]]):
        self.configuration = configuration
        self._home, self._fetch = home, fetch
        self._idle: list[Environment] = []
        self._all: list[Environment] = []
        self._busy = 0
        self._short = configuration["name"].rsplit("-", 1)[-1]

    def configure(self, configuration: dict[str, Any]) -> None:
        """Takes a changed configuration or code. Environments that work finish their event; none starts with the old one."""
        if configuration != self.configuration:
            self.configuration = configuration
            for environment in self._idle:
                environment.kill()
            self._idle.clear()

    def restart(self) -> None:
        """Kills all environments, working or not."""
        for environment in self._all:
            environment.kill()
        self._idle.clear()

    async def invoke(self, payload: bytes, request_id: str, context: str | None = None) -> Outcome:
        """Runs the function once."""
        reserved = self.configuration["reserved_concurrency"]
        if self._busy >= (UNRESERVED if reserved is None else reserved):
            raise Throttled
        self._busy += 1
        try:
            for _ in range(ATTEMPTS):
                environment = await self._environment()
                try:
                    outcome = await environment.invoke(payload, request_id, context)
                except Gone:
                    continue
                if environment.alive and environment.configuration == self.configuration:
                    self._idle.append(environment)
                else:
                    environment.kill()
                return outcome
            return failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited before it asked for an event")
        finally:
            self._busy -= 1

    async def warm(self) -> Environment:
        """Starts an environment beside those that there are, for a later event, as provisioned concurrency does."""
        environment = await self._started()
        if await environment.ready() and environment.configuration == self.configuration:
            self._idle.append(environment)
        else:
            environment.kill()
        return environment

    def running(self) -> list[dict[str, Any]]:
        """Each environment: its process, the code that it runs, how many seconds it took to start, and how many events it answered."""
        return [
            {"function": self._short, "pid": each.pid, "code": each.configuration["code"], "initialised": each.initialised, "answered": each.answered}
            for each in self._all
        ]

    async def _environment(self) -> Environment:
        while self._idle:
            environment = self._idle.pop()  # the last used is the warmest
            if environment.alive:
                return environment
        return await self._started()

    async def _started(self) -> Environment:
        log = self._home / "logs" / f"{self._short}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = Environment(self.configuration, await self._unpacked(), log)
        await environment.start()
        self._all.append(environment)
        self._record()
        environment.on_exit(lambda: self._forget(environment))
        return environment

    async def _unpacked(self) -> Path:
        """The folder with the code, unzipped once for each version."""
        version = self.configuration["code"].replace("/", "_").replace("+", "-").rstrip("=")
        folder = self._home / "code" / f"{self._short}-{version}"
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(await self._fetch(self.configuration["name"]))) as archive:
                archive.extractall(fresh)
                for entry in archive.infolist():  # extractall forgets who may execute
                    os.chmod(fresh / entry.filename, (entry.external_attr >> 16) & 0o777 or 0o755)
            if not folder.exists():
                fresh.replace(folder)
        return folder

    def _forget(self, environment: Environment) -> None:
        self._all.remove(environment)
        self._record()

    def _record(self) -> None:
        pids = [environment.pid for environment in self._all]

        def note(entry: dict[str, Any]) -> None:
            entry.setdefault("functions_running", {})[self._short] = pids
            entry.setdefault("pids", {}).pop(self._short, None)
            if pids:
                entry["pids"][self._short] = pids[0]

        record.change(self._home, note)
