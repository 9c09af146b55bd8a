"""Event source mappings from RabbitMQ to a function, as Lambda's poller carries them out: one execution at a time, in the
order of the queue, each batch again and again until the function succeeds.

https://docs.aws.amazon.com/lambda/latest/dg/process-mq-messages-with-lambda.html
"""

import asyncio
import json
from typing import Any

from tests.stack.aws_client import TROUBLE, Client
from tests.stack.pump.consumer import Consumer, Delivery, Lost
from tests.stack.pump.invocation import invoke
from tests.stack.pump.record import record

# Lambda's defaults.
SIZE, WINDOW = 100, 0.5
# An invocation takes no more, frame of the event included.
LARGEST = 6 * 1024 * 1024
# What Lambda prefetches is not documented. With more than a batch, a poller that dies has the broker give back messages that
# no function has seen, marked as delivered before: the harder case for functions.
BATCHES_AHEAD = 2
# Seconds between two attempts with the same batch. Lambda's grow too, how is not documented.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# Between two attempts to consume.
RECONNECT = 0.5


class Batch:
    """The records of one event, written as they come, so that its size is known and each attempt sends the same bytes."""

    def __init__(self, arn: str, queue: str, vhost: str):
        event = {"eventSource": "aws:rmq", "eventSourceArn": arn, "rmqMessagesByQueue": {f"{queue}::{vhost}": []}}
        frame = json.dumps(event, separators=(",", ":")).encode()
        self._begin, self._end = frame[:-3], frame[-3:]  # before and after the list's end
        self._records: list[bytes] = []
        self._size = len(frame)
        # The last message that is done with when the batch is, one that was dropped included.
        self.tag = 0

    def __len__(self) -> int:
        return len(self._records)

    def takes(self, written: bytes) -> bool:
        """Whether there is room for another record."""
        return self._size + len(written) + bool(self._records) <= LARGEST

    def add(self, written: bytes, tag: int) -> None:
        """The next record."""
        self._size += len(written) + bool(self._records)
        self._records.append(written)
        self.tag = tag

    def event(self) -> bytes:
        """What the function is told."""
        return self._begin + b",".join(self._records) + self._end


class RabbitMapping:
    """One mapping: gathers, invokes, acknowledges what succeeded."""

    def __init__(self, client: Client, lambda_url: str, broker: str, configuration: dict[str, Any]):
        self._client, self._lambda_url, self._broker = client, lambda_url, broker
        self._arn: str = configuration["EventSourceArn"]
        self._function: str = configuration["FunctionArn"].rsplit(":", 1)[-1]
        [self._queue] = configuration["Queues"]
        access = {each["Type"]: each["URI"] for each in configuration.get("SourceAccessConfigurations") or []}
        self._vhost: str = access.get("VIRTUAL_HOST", "/")
        self._size = int(configuration.get("BatchSize") or SIZE)
        self._window = float(configuration.get("MaximumBatchingWindowInSeconds") or WINDOW)
        # Arrived, but there was no room for it in the batch.
        self._held: tuple[Delivery, bytes] | None = None

    async def run(self) -> None:
        """Until it is cancelled: the mapping was removed, disabled or changed. An execution that runs is waited for."""
        while True:
            self._held = None
            try:
                if not self._broker:
                    raise Lost("AMQP_URL names no broker")
                async with Consumer(self._broker, self._vhost, self._queue, self._size * BATCHES_AHEAD) as consumer:
                    print(f"{self._function}: consumes {self._queue}, at most {self._size} at a time", flush=True)
                    while True:
                        await self._deliver(consumer, await self._collect(consumer))
            except (Lost, *TROUBLE) as error:
                print(f"{self._function}: consumes {self._queue} no more, and tries again: {error or repr(error)}", flush=True)
            await asyncio.sleep(RECONNECT)

    async def _collect(self, consumer: Consumer) -> Batch:
        """A batch: complete, at the end of the window, which begins with its first message, or when the next one does not fit."""
        batch = Batch(self._arn, self._queue, self._vhost)
        loop, end = asyncio.get_running_loop(), None
        while len(batch) < self._size:
            if self._held:
                (delivery, written), self._held = self._held, None
            else:
                found = await consumer.next(None if end is None else max(0.0, end - loop.time()))
                if not found:
                    break
                delivery, written = found, record(found)
            end = end or loop.time() + self._window
            if batch.takes(written):
                batch.add(written, delivery.tag)
            elif len(batch):
                self._held = delivery, written
                break
            else:
                print(f"{self._queue}: a message of {len(delivery.body)} bytes is too large for an event, and dropped", flush=True)
                batch.tag = delivery.tag
        return batch

    async def _deliver(self, consumer: Consumer, batch: Batch) -> None:
        """The same batch until the function succeeds; while it does not, nothing is acknowledged and nothing else handed over."""
        pause = FIRST_PAUSE
        while True:
            attempt = asyncio.create_task(self._attempt(consumer, batch))
            try:
                if await asyncio.shield(attempt):
                    return
            except asyncio.CancelledError:
                # Ended here, it would be done all the same, and its messages handed over once more by whoever consumes next.
                print(f"{self._function}: the mapping of {self._queue} ends with this execution", flush=True)
                await asyncio.gather(attempt, return_exceptions=True)
                raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            if consumer.lost:
                raise Lost("the channel, while the function failed")

    async def _attempt(self, consumer: Consumer, batch: Batch) -> bool:
        """One execution, and the acknowledgement of all its messages if it succeeded."""
        try:
            if len(batch) and await invoke(self._client, self._lambda_url, self._function, batch.event()) is None:
                return False
        except TROUBLE as error:
            print(f"{self._function}: {len(batch)} messages wait for their next time: {error!r}", flush=True)
            return False
        await consumer.acknowledge(batch.tag)
        return True
