"""A consumer of one RabbitMQ queue: a connection and a channel of its own, which are given up together."""

import asyncio
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import pika
import pika.data
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ConnectionClosedByClient

# A broker that does not answer within this is none.
PATIENCE = 30


class Lost(Exception):
    """The channel is gone, or never came to be: whatever was delivered on it comes again."""


class Text(bytes):
    """Text in a header, as it came."""


class Moment(int):
    """A time in a header, in seconds."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message and its number on the channel."""

    tag: int
    redelivered: bool
    properties: pika.BasicProperties
    body: bytes


class Consumer:
    """`async with` begins to consume, at most `prefetch` unacknowledged messages at a time, and ends by dropping the connection."""

    def __init__(self, url: str, vhost: str, queue: str, prefetch: int):
        self._parameters = pika.URLParameters(urlsplit(url)._replace(path=f"/{quote(vhost, safe='')}").geturl())
        self._queue, self._prefetch = queue, prefetch
        self._arrived: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._lost: str | None = None
        self._channel: Channel | None = None

    async def __aenter__(self) -> Self:
        consuming: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def opened(channel: Channel) -> None:
            self._channel = channel
            channel.add_on_close_callback(lambda _, why: self._lose(repr(why)))
            # A broker that cancels leaves the channel open, but nothing more will come on it.
            channel.add_on_cancel_callback(lambda _: self._lose(f"the broker cancels the consumer of {self._queue}"))
            channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _: consume(channel))

        def consume(channel: Channel) -> None:
            channel.basic_consume(self._queue, self._take, callback=lambda _: consuming.done() or consuming.set_result(None))

        self._waiting = consuming
        self._connection = Connection(
            self._parameters,
            on_open_callback=lambda connection: connection.channel(on_open_callback=opened),
            on_open_error_callback=lambda _, why: self._lose(repr(why)),
            on_close_callback=lambda _, why: self._lose(repr(why)),
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await consuming
        except BaseException:
            self._connection.drop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.drop()

    @property
    def lost(self) -> bool:
        """Whether nothing can be acknowledged any more."""
        return self._lost is not None

    async def next(self, patience: float | None) -> Delivery | None:
        """The next message; `None` if none comes within `patience` seconds."""
        if self._lost is None:
            try:
                # What is there is taken even if there is no time to wait.
                delivery = None if self._arrived.empty() else self._arrived.get_nowait()
                if not delivery:
                    async with asyncio.timeout(patience):
                        delivery = await self._arrived.get()
            except TimeoutError:
                return None
            if delivery:
                return delivery
        raise Lost(self._lost)

    async def acknowledge(self, tag: int) -> None:
        """Everything up to this message; returns when the broker has it."""
        if self._lost is not None or not self._channel:
            raise Lost(self._lost)
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            self._channel.basic_ack(tag, multiple=True)
            # An acknowledgement is not answered; this is, and the broker takes one after the other.
            self._channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _: self._waiting.done() or self._waiting.set_result(None))
        except AMQPError as error:
            raise Lost(repr(error)) from error
        async with asyncio.timeout(PATIENCE):
            await self._waiting

    def _take(self, _channel: Channel, method: pika.spec.Basic.Deliver, properties: pika.BasicProperties, body: bytes) -> None:
        self._arrived.put_nowait(Delivery(method.delivery_tag, method.redelivered, properties, body))

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        self._arrived.put_nowait(None)
        if not self._waiting.done():
            self._waiting.set_exception(Lost(why))


class Connection(AsyncioConnection):
    """A connection that can be given up."""

    def drop(self) -> None:
        """Ends as a process that dies does: without a word. pika's own closing cancels the consumer first; where only one may be
        active, the next would then begin while this one still holds messages that come before."""
        if not self.is_closed:
            self._terminate_stream(ConnectionClosedByClient(0, "given up"))


def mend() -> None:
    """pika cuts the fractions off numbers in headers, gives texts and bytes alike, and ends the connection over a time after the year 9999."""
    plain = pika.data.decode_value

    def decode_value(encoded: bytes, offset: int) -> tuple[Any, int]:
        match encoded[offset : offset + 1]:
            case b"f":
                return struct.unpack_from(">f", encoded, offset + 1)[0], offset + 5
            case b"d":
                return struct.unpack_from(">d", encoded, offset + 1)[0], offset + 9
            case b"T":
                return Moment(struct.unpack_from(">Q", encoded, offset + 1)[0]), offset + 9
            case b"S":
                end = offset + 5 + struct.unpack_from(">I", encoded, offset + 1)[0]
                return Text(encoded[offset + 5 : end]), end
        return plain(encoded, offset)

    pika.data.decode_value = decode_value
