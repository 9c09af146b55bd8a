"""Functions run as on Lambda: errors, time, size, concurrency, asynchronous events and their destinations."""

import asyncio
import io
import itertools
import json
import os
import sys
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from botocore.exceptions import ClientError

from tests.stack import record
from tests.stack.aws_client import Client
from tests.stack.lambda_host import host
from tests.stack.processes import wait_until

PROGRAM = (Path(__file__).parent / "fixtures/bootstrap.py").read_text()
NUMBERS = itertools.count()
LIMIT = 6 * 1024 * 1024


class Function:
    """A function on the host under test."""

    def __init__(self, aws, **settings):
        self.aws, self.name = aws, f"test-f{next(NUMBERS)}"
        self.api, self.runtime = aws.client("lambda"), aws.client("lambda", aws.lambda_url)
        role = aws.client("iam").create_role(RoleName=self.name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.api.create_function(
            **({"Runtime": "provided.al2023", "Handler": "bootstrap", "Role": role, "Code": {"ZipFile": package()}} | settings),
            FunctionName=self.name,
        )
        self.arn = self.api.get_function(FunctionName=self.name)["Configuration"]["FunctionArn"]
        self.seen()

    def seen(self) -> None:
        """Waits until the host knows of a change."""
        urllib.request.urlopen(urllib.request.Request(f"{self.aws.lambda_url}/_foz/refresh", method="POST")).close()

    def invoke(self, event: object = None, kind: str = "RequestResponse", through: str = "host") -> tuple[str | None, dict]:
        """The kind of error, and what was answered."""
        client = self.runtime if through == "host" else self.api
        answer = client.invoke(FunctionName=self.name, InvocationType=kind, Payload=json.dumps(event or {}).encode())
        body = answer["Payload"].read()
        return answer.get("FunctionError"), json.loads(body) if body else {}

    def running(self) -> list[int]:
        """Process ids of its environments."""
        return record.read(self.aws.home).get("functions_running", {}).get(self.name.rsplit("-", 1)[1], [])


    def host_says(self, path: str, method: str = "GET") -> list[dict]:
        """What the host answers to those who run it."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.aws.lambda_url}/_foz/{path}", method=method)) as answer:
            return json.loads(answer.read())


def sleep(folder: Path) -> dict[str, str]:
    """An event that takes until somebody says `go`, and tells when it `began`."""
    return {"do": "sleep", "began": str(folder / "began"), "until": str(folder / "go")}


def package(program: str = PROGRAM) -> bytes:
    """A zip with the program."""
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(entry, program.replace("#!/usr/bin/env python3", f"#!{sys.executable}", 1))
    return content.getvalue()


@pytest.fixture
def function(aws):
    return Function(aws, Timeout=5, Environment={"Variables": {"TOLD": "something"}})


@pytest.mark.parametrize("through", ["host", "emulator"])
def test_answers_and_is_used_again(function, through):
    first, second = function.invoke(through=through), function.invoke(through=through)
    assert first == (None, {"pid": first[1]["pid"], "count": 1, "told": "something", "large": ""})
    assert (second[1]["pid"], second[1]["count"]) == (first[1]["pid"], 2)
    assert function.running() == [first[1]["pid"]]


def test_an_error_of_the_handler_is_told_and_the_environment_goes_on(function):
    before = function.invoke()[1]["pid"]
    assert function.invoke({"do": "fail"}) == ("Unhandled", {"errorType": "Wanted", "errorMessage": "as told"})
    assert function.invoke()[1]["pid"] == before


def test_a_process_that_ends_is_an_error_and_the_next_one_is_new(function):
    error, said = function.invoke({"do": "exit"})
    assert (error, said["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "exit status 7" in said["errorMessage"]
    assert function.invoke()[1]["count"] == 1


def test_a_killed_process_is_an_error(function, tmp_path):
    pid = function.invoke()[1]["pid"]
    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(function.invoke, sleep(tmp_path))
        wait_until((tmp_path / "began").exists, 10, "the invocation")
        os.kill(pid, 9)
        error, said = asleep.result(timeout=10)
    assert (error, said["errorType"]) == ("Unhandled", "Runtime.ExitError")


def test_time_is_limited_and_the_process_killed(aws, tmp_path):
    function = Function(aws, Timeout=1)
    pid = function.invoke()[1]["pid"]
    error, said = function.invoke(sleep(tmp_path))
    assert (error, said["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "timed out after 1.00 seconds" in said["errorMessage"]
    wait_until(lambda: pid not in function.running(), 5, "end of the process")
    assert function.invoke()[1]["count"] == 1


def test_a_program_that_ends_at_once_is_an_error(aws):
    function = Function(aws, Code={"ZipFile": package("#!/bin/sh\nexit 3\n")})
    error, said = function.invoke()
    assert (error, said["errorType"]) == ("Unhandled", "Runtime.ExitError")


def test_requests_up_to_six_mebibytes(function):
    whole = json.dumps({"a": "x" * (LIMIT - 9)}).encode()
    assert len(whole) == LIMIT
    assert function.runtime.invoke(FunctionName=function.name, Payload=whole)["StatusCode"] == 200
    with pytest.raises(ClientError) as error:
        function.runtime.invoke(FunctionName=function.name, Payload=whole + b" ")
    assert error.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_responses_up_to_six_mebibytes(function):
    frame = len(json.dumps(function.invoke()[1]))
    assert len(function.invoke({"large": LIMIT - frame - 10})[1]["large"]) == LIMIT - frame - 10
    error, said = function.invoke({"large": LIMIT + 1})
    assert (error, said["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert function.invoke()[0] is None


def test_only_json_is_taken(function):
    with pytest.raises(ClientError) as error:
        function.runtime.invoke(FunctionName=function.name, Payload=b"\xff\xfe")
    assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"


def test_an_unknown_function_is_told(function):
    with pytest.raises(ClientError) as error:
        function.runtime.invoke(FunctionName="nobody", Payload=b"{}")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_reserved_concurrency_throttles(function, tmp_path):
    function.api.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    function.seen()
    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(function.invoke, sleep(tmp_path))
        wait_until((tmp_path / "began").exists, 10, "the invocation")
        with pytest.raises(ClientError) as error:
            function.invoke()
        assert error.value.response["Error"]["Code"] == "TooManyRequestsException"
        (tmp_path / "go").touch()
        assert asleep.result(timeout=10)[0] is None
    assert function.invoke()[0] is None


def test_concurrent_invocations_get_environments_of_their_own(function, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        asleep = [pool.submit(function.invoke, sleep(tmp_path)) for _ in range(3)]
        wait_until(lambda: len(function.running()) == 3, 10, "three environments")
        (tmp_path / "go").touch()
        assert len({each.result(timeout=10)[1]["pid"] for each in asleep}) == 3


def test_new_code_and_new_settings_get_new_environments(function):
    before = function.invoke()[1]["pid"]
    function.api.update_function_configuration(FunctionName=function.name, Environment={"Variables": {"TOLD": "else"}})
    function.seen()
    after = function.invoke()[1]
    assert after["told"] == "else"
    assert after["pid"] != before
    function.api.update_function_code(FunctionName=function.name, ZipFile=package(PROGRAM.replace("count = 0", "count = 100")))
    function.seen()
    assert function.invoke()[1]["count"] == 101


def test_how_long_a_start_took_is_told_and_logged(function):
    pid = function.invoke()[1]["pid"]
    [started] = [each for each in function.host_says("environments") if each["pid"] == pid]
    assert 0 < started["initialised"] < 30 and started["answered"] == 1
    log = (function.aws.home / f"logs/{started['function']}.log").read_text()
    [report] = [line for line in map(json.loads, log.splitlines()) if line["type"] == "platform.initReport"]
    assert report["record"]["metrics"] == {"durationMs": round(1000 * started["initialised"], 1)}


def test_an_environment_can_be_started_before_its_first_event(function):
    [warm] = function.host_says(f"warm/{function.name}", "POST")
    assert warm["initialised"] > 0
    assert function.invoke()[1]["pid"] == warm["pid"]
    assert function.running() == [warm["pid"]]


def test_a_failed_asynchronous_event_goes_to_its_destination(aws, function):
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"{function.name}-failures")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function.api.put_function_event_invoke_config(
        FunctionName=function.name,
        MaximumRetryAttempts=0,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    function.seen()
    assert function.invoke({"do": "fail", "name": "told"}, kind="Event") == (None, {})
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    told = json.loads(message["Body"])
    assert told["requestPayload"] == {"do": "fail", "name": "told"}
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["responsePayload"]["errorType"] == "Wanted"


def test_environments_end_with_the_host(aws, tmp_path_factory):
    from tests.stack import processes
    from tests.stack.conftest import Aws

    home = tmp_path_factory.mktemp("host")
    try:
        function = Function(Aws(home))
        pid = function.invoke()[1]["pid"]
        host = processes.find(home, "lambda_host")
        os.kill(host.pid, 9)
        wait_until(lambda: processes.start_time(pid) is None, 5, "end of the environment")
    finally:
        processes.stop_all(home)


@pytest.mark.parametrize("trouble", ["an error", "silence", "a closed connection", "half an answer"])
def test_the_host_looks_again_after_trouble(tmp_path, monkeypatch, trouble):
    monkeypatch.setattr(host, "LOOK_AGAIN", 0)
    asyncio.run(look_despite(trouble, tmp_path))


async def look_despite(trouble: str, home: Path) -> None:
    """Fails unless the host asks a third time after it met this trouble at the first and at the second."""
    asked, again = itertools.count(1), asyncio.Event()

    async def functions(request: web.Request) -> web.StreamResponse:
        if next(asked) > 2:
            again.set()
            return web.json_response([])
        if trouble == "an error":
            return web.Response(status=500, text="not now")
        if trouble == "silence":
            await again.wait()
        answer = web.StreamResponse()
        if trouble == "half an answer":
            answer.content_length = 1000
            await answer.prepare(request)
            await answer.write(b"[")
        request.transport.close()
        return answer

    app = web.Application()
    app.router.add_get("/_foz/functions", functions)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    limit = aiohttp.ClientTimeout(total=0.2 if trouble == "silence" else 20)
    async with aiohttp.ClientSession(timeout=limit) as session:
        looking = asyncio.create_task(host.Host(home, Client(session, f"http://127.0.0.1:{port}", "us-east-1")).keep_fresh())
        reached = asyncio.create_task(again.wait())
        await asyncio.wait([looking, reached], timeout=20, return_when=asyncio.FIRST_COMPLETED)
        for task in (looking, reached):
            task.cancel()
    await runner.cleanup()
    if looking.done() and not looking.cancelled():
        looking.result()
    assert again.is_set()
