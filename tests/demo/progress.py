"""How far the demo is: a sample of every stage, taken while it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pika

from tests.demo.services import QUEUES
from tests.publisher import Publisher
from tests.readers.lake import Lake, Watermarks
from tests.readers.watcher import Watcher

GROUP = "airlines"


@dataclass
class Stream:
    """One line of the screen: messages at each stage, rows in each table."""

    published: int = 0
    confirmed: int = 0
    queued: int = 0
    catalogued: int = 0
    history: int = 0
    current: int = 0
    quarantined: int = 0


COLUMNS = tuple(Stream.__dataclass_fields__)


@dataclass
class Progress:
    """The state of every stage at one moment."""

    elapsed: float = 0.0
    streams: dict[str, Stream] = field(default_factory=lambda: {name: Stream() for name in QUEUES})
    watermarks: Watermarks = field(default_factory=Watermarks)
    runs: int = 0
    reader_checks: int = 0
    reader_references: int = 0
    dangling: int = 0
    bridge: str = "running"

    @property
    def total(self) -> Stream:
        """The sums over all streams."""
        return Stream(*(sum(getattr(s, column) for s in self.streams.values()) for column in COLUMNS))


class Sampler:
    """Takes samples from the publisher, the broker, the catalog, the tables and the reader."""

    def __init__(self, amqp_url: str, lake: Lake, publisher: Publisher, watcher: Watcher):
        self._lake, self._publisher, self._watcher = lake, publisher, watcher
        self._channel = pika.BlockingConnection(pika.URLParameters(amqp_url)).channel()
        self._started = time.monotonic()
        self.bridge = "running"

    def sample(self) -> Progress:
        """The state of every stage now."""
        heads, tables = self._lake.heads(), self._lake.counts()
        streams = {}
        for name, queue in QUEUES.items():
            streams[name] = Stream(
                published=self._publisher.published_on(queue),
                confirmed=self._publisher.confirmed_on(queue),
                queued=self._channel.queue_declare(queue, passive=True).method.message_count,
                catalogued=int(heads.get(name, {}).get("messages", 0)),
                history=tables.get(f"{name}_changes", 0),
                current=tables.get(name, 0),
                quarantined=tables.get(f"{name}_quarantine", 0),
            )
        current, order = self._watcher.current, self._watcher.order.findings
        return Progress(
            elapsed=time.monotonic() - self._started,
            streams=streams,
            watermarks=self._lake.watermarks(GROUP),
            runs=len(self._lake.items(GROUP, "R#")),
            reader_checks=current.checks + order.checks,
            reader_references=current.references + order.references,
            dangling=len(self._watcher.dangling),
            bridge=self.bridge,
        )
