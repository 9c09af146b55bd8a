"""One execution environment: a process that runs a function, and the Runtime API that it alone speaks to."""

import asyncio
import ctypes
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

# Lambda's limits. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST = 6 * 1024 * 1024
# Lambda gives ten seconds; a debug binary on two busy cores gets more.
INITIALISATION = 30
PR_SET_PDEATHSIG = 1
PASSED_ON = ("AWS_", "FOZ_", "RUST_")


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: the function's answer, or the error that took its place."""

    body: bytes
    failed: bool = False


class Gone(Exception):
    """The process ended before it took the event: another environment may take it."""


def failure(kind: str, message: str) -> Outcome:
    """An error as Lambda words it."""
    return Outcome(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


class Environment:
    """A running environment. It takes one invocation at a time, and ends when its process does."""

    def __init__(self, configuration: dict[str, Any], code: Path, log: Path):
        self.configuration = configuration
        self._code, self._log = code, log
        self._events: asyncio.Queue[web.Response] = asyncio.Queue(1)
        self._asks = asyncio.Event()  # the runtime waits for the next event
        self.initialised: float | None = None  # seconds from the start of the process until it asked for its first event
        self.answered = 0
        self._id = ""
        self._outcome: asyncio.Future[Outcome] | None = None
        self._init_error: Outcome | None = None

    async def start(self) -> None:
        """Opens the Runtime API on a port of its own and starts the process."""
        app = web.Application(client_max_size=LARGEST + 4096)
        base = "/2018-06-01/runtime"
        app.router.add_get(f"{base}/invocation/next", self._next)
        app.router.add_post(f"{base}/invocation/{{id}}/response", self._response)
        app.router.add_post(f"{base}/invocation/{{id}}/error", self._error)
        app.router.add_post(f"{base}/init/error", self._failed_to_start)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self._began = time.monotonic()
        with open(self._log, "ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._code / "bootstrap",
                cwd=self._code,
                env=self._variables(port),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self._exit = asyncio.create_task(self._watch())

    @property
    def pid(self) -> int:
        """Process id of the function."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return not self._exit.done()

    def kill(self) -> None:
        """Ends the process, whatever it does."""
        if self.alive:
            self._process.kill()

    def on_exit(self, then: Callable[[], object]) -> None:
        """Has this called when the process is gone."""
        self._exit.add_done_callback(lambda _: then())

    async def ready(self) -> bool:
        """Waits until it can take an event; not if it ends before, or takes too long."""
        return await self._within(asyncio.create_task(self._asks.wait()), INITIALISATION)

    async def invoke(self, payload: bytes, request_id: str, context: str | None) -> Outcome:
        """Hands the event to the function and waits for what becomes of it."""
        timeout = self.configuration["timeout"]
        if not await self.ready():
            if self._init_error:
                return self._init_error
            if not self.alive:
                raise Gone
            self.kill()
            return failure("Sandbox.Timedout", f"RequestId: {request_id} Error: initialisation took over {INITIALISATION} s")
        self._asks.clear()
        self._id = request_id
        self._outcome = asyncio.get_running_loop().create_future()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.configuration["arn"],
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        if context:
            headers["Lambda-Runtime-Client-Context"] = context
        self._events.put_nowait(web.Response(body=payload, headers=headers, content_type="application/json"))
        try:
            if await self._within(self._outcome, timeout):
                self.answered += 1
                return self._outcome.result()
            if not self.alive:
                return failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited {self._how_it_ended()}")
            self.kill()
            return failure("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds")
        finally:
            self._outcome = None

    async def _within(self, wanted: asyncio.Future, seconds: float) -> bool:
        """Whether it came in time and while the process lived."""
        await asyncio.wait({wanted, self._exit}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            wanted.cancel()
            return False
        return True

    async def _next(self, _request: web.Request) -> web.Response:
        if self.initialised is None:
            self.initialised = time.monotonic() - self._began
            self._report(self.initialised)
        self._asks.set()
        return await self._events.get()

    def _report(self, seconds: float) -> None:
        """Writes into the function's log what Lambda does once it has started.
        https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-initReport"""
        metrics = {"durationMs": round(1000 * seconds, 1)}
        record = {"initializationType": "on-demand", "phase": "init", "status": "success", "metrics": metrics}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with open(self._log, "a") as log:
            log.write(json.dumps({"time": now, "type": "platform.initReport", "record": record}) + "\n")

    async def _response(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = bytes(LARGEST + 1)
        if len(body) > LARGEST:
            self._end_invocation(request, failure("Function.ResponseSizeTooLarge", f"Response payload size exceeded maximum allowed payload size ({LARGEST} bytes)."))
            return web.json_response({"errorType": "RequestEntityTooLarge"}, status=413)
        return self._end_invocation(request, Outcome(body))

    async def _error(self, request: web.Request) -> web.Response:
        return self._end_invocation(request, Outcome(await request.read(), failed=True))

    async def _failed_to_start(self, request: web.Request) -> web.Response:
        self._init_error = Outcome(await request.read(), failed=True)
        return web.json_response({"status": "OK"}, status=202)

    def _end_invocation(self, request: web.Request, outcome: Outcome) -> web.Response:
        if request.match_info["id"] != self._id or self._outcome is None or self._outcome.done():
            return web.json_response({"errorType": "InvalidRequestID"}, status=400)
        self._outcome.set_result(outcome)
        return web.json_response({"status": "OK"}, status=202)

    async def _watch(self) -> None:
        await self._process.wait()
        asyncio.get_running_loop().create_task(self._runner.cleanup())

    def _how_it_ended(self) -> str:
        code = self._process.returncode or 0
        return f"with error: signal: {signal.Signals(-code).name}" if code < 0 else f"with error: exit status {code}" if code else "without providing a reason"

    def _variables(self, port: int) -> dict[str, str]:
        known = self.configuration
        kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) or name in ("PATH", "LANG", "TMPDIR")}
        return (
            kept
            | {
                "HOME": "/tmp",
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
                "AWS_LAMBDA_FUNCTION_NAME": known["name"],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(known["memory"]),
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{known['name']}",
                "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
                "AWS_REGION": known["region"],
                "AWS_DEFAULT_REGION": known["region"],
                "LAMBDA_TASK_ROOT": str(self._code),
                "_HANDLER": known["handler"],
            }
            | known["environment"]
        )


def die_with_parent() -> None:
    """Runs in the child: the kernel kills it when the host ends, however the host ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
