"""Publishes messages as a set of services would: each on its own connection, confirms pipelined, references first."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice, takewhile

import pika
from pika.adapters.select_connection import IOLoop, SelectConnection

# Confirms of a quorum queue take milliseconds; this many messages on the way keep it busy.
WINDOW = 2_000
# How far the story is read ahead of the slowest service. What a message waits for comes earlier in the story.
AHEAD = 20_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `needs` names what must be confirmed before it is published: a queue and how many of its first messages."""

    queue: str
    body: bytes
    message_id: str
    needs: tuple[tuple[str, int], ...] = ()
    headers: dict | None = None


class PublishError(Exception):
    """The broker refused a message or went away."""


class _Service:
    """One queue's connection. Knows how many of its messages are confirmed without a gap."""

    def __init__(self, queue: str, parameters: pika.URLParameters, loop: IOLoop, owner: Publisher):
        self.queue, self.owner = queue, owner
        self.backlog: deque[Message] = deque()
        self.waiting: dict[int, Message] = {}
        self.published = 0
        self.channel = None
        self.connection = SelectConnection(
            parameters,
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._opened),
            on_open_error_callback=lambda _, why: owner.fail(why),
            on_close_callback=lambda _, why: owner.closed(self, why),
            custom_ioloop=loop,
        )

    @property
    def confirmed(self) -> int:
        """How many messages from the first on are confirmed."""
        return next(iter(self.waiting)) - 1 if self.waiting else self.published

    def _opened(self, channel) -> None:
        channel.add_on_close_callback(lambda _, why: self.owner.closed(self, why))
        channel.add_on_return_callback(lambda _, ret, *__: self.owner.fail(PublishError(f"{self.queue}: {ret.reply_text}")))
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._ready(channel))

    def _ready(self, channel) -> None:
        self.channel = channel
        self.owner.pump()

    def _on_confirm(self, frame) -> None:
        method = frame.method
        if isinstance(method, pika.spec.Basic.Nack):
            self.owner.fail(PublishError(f"{self.queue}: the broker refused a message"))
            return
        tags = [method.delivery_tag]
        if method.multiple:
            tags = list(takewhile(lambda tag: tag <= method.delivery_tag, self.waiting))
        for tag in tags:
            self.owner.on_confirm(self.waiting.pop(tag))
        self.owner.pump()

    def send(self) -> bool:
        """Publishes what may be published now; says whether anything was."""
        before = self.published
        while self.backlog and len(self.waiting) < WINDOW and self.owner.may_publish(self.backlog[0]):
            message = self.backlog.popleft()
            self.published += 1
            self.waiting[self.published] = message
            properties = pika.BasicProperties(
                content_type="application/json",
                delivery_mode=2,
                message_id=message.message_id,
                timestamp=int(time.time()),
                headers=message.headers,
            )
            self.channel.basic_publish("", message.queue, message.body, properties, mandatory=True)
        return self.published > before


class Publisher:
    """Publishes `messages` in their order per queue; `pace` limits messages per second over all queues."""

    def __init__(
        self,
        url: str,
        queues: Iterable[str],
        messages: Iterable[Message],
        *,
        pace: float | None = None,
        on_confirm: Callable[[Message], None] = lambda _: None,
    ):
        # A story may need long to begin; the broker does not wait that long for a connection that has begun to open.
        messages = iter(messages)
        self._messages = chain(list(islice(messages, 1)), messages)
        self._loop = IOLoop()
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0
        self.on_confirm = on_confirm
        self._services = {queue: _Service(queue, parameters, self._loop, self) for queue in queues}
        self._pace, self._taken, self._started = pace, 0, 0.0
        self._exhausted = self._closing = False
        self._error: BaseException | None = None

    @property
    def published(self) -> int:
        """Messages sent, all queues."""
        return sum(service.published for service in self._services.values())

    @property
    def confirmed(self) -> int:
        """Messages confirmed, all queues."""
        return sum(service.published - len(service.waiting) for service in self._services.values())

    def published_on(self, queue: str) -> int:
        """Messages of one queue sent."""
        return self._services[queue].published

    def confirmed_on(self, queue: str) -> int:
        """Messages of one queue confirmed without a gap."""
        return self._services[queue].confirmed

    def run(self) -> None:
        """Returns when every message is confirmed; raises `PublishError` otherwise."""
        self._started = time.monotonic()
        if self._pace:
            self._loop.call_later(0.02, self._tick)
        self._loop.start()
        if self._error:
            raise PublishError(str(self._error)) from self._error

    def may_publish(self, message: Message) -> bool:
        """Whether everything that the message refers to is confirmed."""
        return all(self._services[queue].confirmed >= count for queue, count in message.needs)

    def pump(self) -> None:
        """Moves whatever can move; a confirm in one service may free a message in another."""
        if self._closing or not all(service.channel for service in self._services.values()):
            return
        self._take()
        while any([service.send() for service in self._services.values()]):
            self._take()
        done = self._exhausted and not any(service.backlog or service.waiting for service in self._services.values())
        if done:
            self._close()

    def fail(self, why: BaseException) -> None:
        """Ends the run with an error, at once: connections that are still opening would never say that they are closed."""
        self._error, self._closing = self._error or why, True
        self._loop.stop()

    def closed(self, service: _Service, why: BaseException) -> None:
        """A connection or channel is gone: an error unless we closed it."""
        if not self._closing:
            self.fail(why)
        elif all(s.connection.is_closed for s in self._services.values()):
            self._loop.stop()

    def _take(self) -> None:
        backlog = sum(len(service.backlog) for service in self._services.values())
        allowed = AHEAD - backlog
        if self._pace:
            allowed = min(allowed, int((time.monotonic() - self._started) * self._pace) - self._taken)
        for _ in range(allowed):
            message = next(self._messages, None)
            if message is None:
                self._exhausted = True
                return
            self._taken += 1
            self._services[message.queue].backlog.append(message)

    def _tick(self) -> None:
        if not self._closing:
            self.pump()
            self._loop.call_later(0.02, self._tick)

    def _close(self) -> None:
        if self._closing:
            return
        self._closing = True
        for service in self._services.values():
            if service.connection.is_open:
                service.connection.close()
        if all(s.connection.is_closed for s in self._services.values()):
            self._loop.stop()
