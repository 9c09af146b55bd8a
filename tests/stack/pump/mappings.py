"""Event source mappings to a function, as Lambda's pollers carry them out: those from SQS; `rabbitmq` has the others."""

import asyncio
import json
from typing import Any

from tests.stack.aws_client import TROUBLE, Client
from tests.stack.pump import rabbitmq
from tests.stack.pump.invocation import invoke

# One receive takes at most ten messages; a larger batch takes several.
MOST_RECEIVED = 10
LONG_POLL = 20
# Lambda begins with five pollers.
CONCURRENCY = 5


class SqsMapping:
    """One mapping: receives, invokes, deletes what succeeded. What failed comes back when its visibility timeout ends."""

    def __init__(self, client: Client, lambda_url: str, configuration: dict[str, Any]):
        self._client, self._lambda_url = client, lambda_url
        self._queue_arn: str = configuration["EventSourceArn"]
        self._function: str = configuration["FunctionArn"].rsplit(":", 1)[-1]
        self._size = int(configuration.get("BatchSize") or MOST_RECEIVED)
        self._window = float(configuration.get("MaximumBatchingWindowInSeconds") or 0)
        self._partial = "ReportBatchItemFailures" in (configuration.get("FunctionResponseTypes") or [])
        self._free = asyncio.Semaphore((configuration.get("ScalingConfig") or {}).get("MaximumConcurrency") or CONCURRENCY)
        self._url = ""

    async def run(self) -> None:
        """Until it is cancelled: the mapping was removed, disabled or changed."""
        async with asyncio.TaskGroup() as deliveries:
            while True:
                await self._free.acquire()
                try:
                    messages = await self._collect()
                except TROUBLE as error:
                    print(f"{self._function}: cannot receive: {error!r}", flush=True)
                    messages = []
                    await asyncio.sleep(0.5)
                if messages:
                    deliveries.create_task(self._deliver(messages))
                else:
                    self._free.release()

    async def _collect(self) -> list[dict[str, Any]]:
        """A batch: what is there, or what comes within the window until the batch is full."""
        messages = await self._receive(LONG_POLL)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._window
        while messages and len(messages) < self._size:
            more = await self._receive(min(max(0, int(end - loop.time())), LONG_POLL))
            if not more and loop.time() >= end - 1:
                break
            messages += more
        return messages

    async def _receive(self, wait: int) -> list[dict[str, Any]]:
        if not self._url:
            self._url = (await self._client.call("sqs", "GetQueueUrl", {"QueueName": self._queue_arn.rsplit(":", 1)[-1]}))["QueueUrl"]
        question = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(self._size, MOST_RECEIVED),
            "WaitTimeSeconds": wait,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        return (await self._client.call("sqs", "ReceiveMessage", question)).get("Messages", [])

    async def _deliver(self, messages: list[dict[str, Any]]) -> None:
        try:
            failed = await self._invoke({"Records": [self._event(message) for message in messages]})
            done = [message for message in messages if message["MessageId"] not in failed] if failed is not None else []
            for first in range(0, len(done), MOST_RECEIVED):
                entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in done[first : first + MOST_RECEIVED]]
                await self._client.call("sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
        except TROUBLE as error:
            print(f"{self._function}: {len(messages)} messages wait for their next time: {error!r}", flush=True)
        finally:
            self._free.release()

    async def _invoke(self, event: dict[str, Any]) -> set[str] | None:
        """The ids of the messages that failed; `None` if all did."""
        body = await invoke(self._client, self._lambda_url, self._function, json.dumps(event).encode())
        if body is None:
            return None
        if not self._partial:
            return set()
        try:
            said = json.loads(body or b"null")
            failed = {item["itemIdentifier"] for item in (said or {}).get("batchItemFailures") or []}
        except (ValueError, TypeError, KeyError, AttributeError):
            return None  # Lambda takes an answer that it cannot read for a failure of the whole batch
        return failed if failed <= {record["messageId"] for record in event["Records"]} else None

    def _event(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue_arn,
            "awsRegion": self._client.region,
        }


class Mappings:
    """Runs the mappings that Terraform created, and follows its changes."""

    def __init__(self, client: Client, lambda_url: str, broker: str):
        self._client, self._lambda_url, self._broker = client, lambda_url, broker
        # For each mapping its task, and the configuration that it was started with; `None` once it was told to end.
        self._running: dict[str, tuple[dict[str, Any] | None, asyncio.Task]] = {}

    async def follow(self) -> None:
        """Starts what is new and stops what is gone; a changed mapping is both, one after the other."""
        listed = await self._client.get("lambda", "/2015-03-31/event-source-mappings/")
        wanted = {each["UUID"]: each for each in listed["EventSourceMappings"] if each["State"] == "Enabled"}
        for uuid, (configuration, task) in self._running.items():
            if configuration and configuration != wanted.get(uuid):
                task.cancel()
                self._running[uuid] = None, task
        for uuid, configuration in wanted.items():
            running, former = self._running.get(uuid, (None, None))
            if not running:
                self._running[uuid] = configuration, asyncio.create_task(self._run(configuration, former))

    async def _run(self, configuration: dict[str, Any], former: asyncio.Task | None) -> None:
        if former:
            await asyncio.wait([former])
        match configuration["EventSourceArn"].split(":")[2]:
            case "mq":
                await rabbitmq.RabbitMapping(self._client, self._lambda_url, self._broker, configuration).run()
            case _:
                await SqsMapping(self._client, self._lambda_url, configuration).run()
