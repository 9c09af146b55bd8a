"""Runs the functions that the emulator knows of: Lambda's Invoke in front, its Runtime API behind.

    python -m tests.stack.lambda_host.host PORT HOME

`AWS_ENDPOINT_URL` names the emulator, `AWS_REGION` the region. What the functions get beside their own configuration is
this process's `AWS_*`, `FOZ_*` and `RUST_*` variables.
"""

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.stack.aws_client import TROUBLE, Client, checked
from tests.stack.lambda_host.asynchronous import Asynchronous
from tests.stack.lambda_host.environment import LARGEST
from tests.stack.lambda_host.function import Function, Throttled

# An asynchronous event may be this large.
LARGEST_EVENT = 1024 * 1024
# How soon a change that Terraform makes is seen.
LOOK_AGAIN = 1.0


class Host:
    """All functions, by name."""

    def __init__(self, home: Path, client: Client):
        self._home, self._client = home, client
        self._functions: dict[str, Function] = {}
        self._asynchronous = Asynchronous(client)

    async def refresh(self) -> None:
        """Takes over what was created, changed or deleted."""
        async with self._client.session.get(f"{self._client.endpoint}/_foz/functions") as answer:
            found: list[dict[str, Any]] = json.loads(await checked(answer))
        for configuration in found:
            name = configuration["name"]
            if name in self._functions:
                self._functions[name].configure(configuration)
            else:
                self._functions[name] = Function(self._home, configuration, self._code)
        for name in self._functions.keys() - {configuration["name"] for configuration in found}:
            self._functions.pop(name).restart()

    async def keep_fresh(self) -> None:
        """Looks for changes until it is ended."""
        while True:
            try:
                await self.refresh()
            except TROUBLE as error:
                print(f"cannot look for changes of functions: {error!r}", flush=True)
            await asyncio.sleep(LOOK_AGAIN)

    async def invoke(self, request: web.Request) -> web.Response:
        """`POST /2015-03-31/functions/{name}/invocations`."""
        name = request.match_info["name"].rsplit(":function:", 1)[-1].split(":")[0]
        if name not in self._functions:
            await self.refresh()
        function = self._functions.get(name)
        if not function:
            return refusal(404, "ResourceNotFoundException", f"Function not found: {name}")
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        limit = LARGEST_EVENT if kind == "Event" else LARGEST
        try:
            payload = await request.read()
        except web.HTTPRequestEntityTooLarge:
            payload = bytes(LARGEST + 1)
        if len(payload) > limit:
            return refusal(413, "RequestTooLargeException", f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)")
        try:
            json.loads(payload or b"{}")
        except ValueError as error:
            return refusal(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
        request_id = str(uuid.uuid4())
        headers = {"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": "$LATEST"}
        if kind == "DryRun":
            return web.Response(status=204, headers=headers)
        if kind == "Event":
            self._asynchronous.submit(function, payload or b"{}", request_id)
            return web.Response(status=202, headers=headers)
        try:
            outcome = await function.invoke(payload or b"{}", request_id, request.headers.get("X-Amz-Client-Context"))
        except Throttled:
            return refusal(429, "TooManyRequestsException", "Rate Exceeded.")
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return web.Response(body=outcome.body, headers=headers, content_type="application/json")

    async def restart(self, request: web.Request) -> web.Response:
        """Kills the environments of a function, named in full or by its last part."""
        found = self._named(request)
        for function in found:
            function.restart()
        return web.json_response({"restarted": len(found)}, status=200 if found else 404)

    async def warm(self, request: web.Request) -> web.Response:
        """Starts an environment of a function. `initialised` says in how many seconds; it is null if it ended before."""
        found = [await function.warm() for function in self._named(request)]
        return web.json_response([{"pid": each.pid, "initialised": each.initialised} for each in found], status=200 if found else 404)

    async def environments(self, _request: web.Request) -> web.Response:
        """The environments of all functions, in JSON."""
        return web.json_response([each for function in self._functions.values() for each in function.running()])

    def _named(self, request: web.Request) -> list[Function]:
        wanted = request.match_info["name"]
        return [function for name, function in self._functions.items() if name == wanted or name.endswith(f"-{wanted}")]

    async def look(self, _request: web.Request) -> web.Response:
        """Looks for changes now."""
        await self.refresh()
        return web.json_response(sorted(self._functions))

    async def _code(self, name: str) -> bytes:
        async with self._client.session.get(f"{self._client.endpoint}/_foz/code/{name}") as answer:
            return await checked(answer)


def refusal(status: int, kind: str, message: str) -> web.Response:
    """An error of Lambda itself; the function did not run."""
    return web.json_response({"Type": "User", "Message": message}, status=status, headers={"x-amzn-ErrorType": kind})


async def main() -> None:
    """Serves until it is ended."""
    port, home = int(sys.argv[1]), Path(sys.argv[2])
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        host = Host(home, Client(session, os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]))
        app = web.Application(client_max_size=LARGEST + 4096)
        app.router.add_post("/2015-03-31/functions/{name}/invocations", host.invoke)
        app.router.add_post("/_foz/restart/{name}", host.restart)
        app.router.add_post("/_foz/warm/{name}", host.warm)
        app.router.add_get("/_foz/environments", host.environments)
        app.router.add_post("/_foz/refresh", host.look)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=512).start()
        await host.keep_fresh()


if __name__ == "__main__":
    asyncio.run(main())
