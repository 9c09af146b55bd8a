"""Asynchronous invocation: an accepted event is tried until it succeeds, is too old, or failed too often; then it goes
to the function's destination for failures."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from tests.stack.aws_client import Client
from tests.stack.lambda_host.environment import Outcome
from tests.stack.lambda_host.function import Function, Throttled

# Lambda's defaults, and its waits before the second and the third attempt.
RETRIES, MAXIMUM_AGE = 2, 6 * 3600.0
PAUSES = (60.0, 120.0)
# A throttled event is tried again after this, doubled each time up to the limit.
FIRST_WAIT, LONGEST_WAIT = 0.25, 60.0


class Asynchronous:
    """Keeps accepted events until each has succeeded or is given up. They live in memory: a host that is killed forgets them."""

    def __init__(self, client: Client):
        self._client = client
        self._running: set[asyncio.Task] = set()

    def submit(self, function: Function, payload: bytes, request_id: str) -> None:
        """Accepts an event."""
        task = asyncio.create_task(self._try(function, payload, request_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _try(self, function: Function, payload: bytes, request_id: str) -> None:
        settings = function.configuration["asynchronous"]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.get("MaximumEventAgeInSeconds", MAXIMUM_AGE)
        retries, attempts, wait = settings.get("MaximumRetryAttempts", RETRIES), 0, FIRST_WAIT
        outcome: Outcome | None = None
        while True:
            try:
                outcome = await function.invoke(payload, request_id)
                if not outcome.failed:
                    return
                attempts += 1
                if attempts > retries:
                    return await self._give_up(function, "RetriesExhausted", payload, request_id, attempts, outcome)
                pause = PAUSES[attempts - 1]
            except Throttled:
                pause, wait = wait, min(2 * wait, LONGEST_WAIT)
            if loop.time() + pause > deadline:
                return await self._give_up(function, "EventAgeExceeded", payload, request_id, attempts, outcome)
            await asyncio.sleep(pause)

    async def _give_up(self, function: Function, why: str, payload: bytes, request_id: str, attempts: int, outcome: Outcome | None) -> None:
        known = function.configuration
        destination = known["asynchronous"].get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        print(f"{known['name']}: event {request_id} given up after {attempts} attempts: {why}; told: {destination}", flush=True)
        if not destination:
            return
        message: dict[str, Any] = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"{known['arn']}:$LATEST",
                "condition": why,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(payload or b"null"),
        }
        if outcome:
            message["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
            message["responsePayload"] = json.loads(outcome.body or b"null")
        queue = destination.rsplit(":", 1)[-1]
        url = (await self._client.call("sqs", "GetQueueUrl", {"QueueName": queue}))["QueueUrl"]
        await self._client.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": json.dumps(message)})
