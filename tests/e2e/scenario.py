"""One pipeline on a running stack: what was published, what should have become of it, and whether it did."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.flow import behind, check_catalog, check_tables
from tests.oracle import Effect, Expected
from tests.publisher import Message, Publisher
from tests.readers.lake import Lake
from tests.stack import Stack
from tests.waiting import wait_for


class Scenario:
    """Collects messages with their expected effects; publishes; waits for rest; compares. May go several rounds."""

    def __init__(self, stack: Stack, streams: Iterable[str], versioned: Iterable[str] = ()):
        self.stack, self.lake = stack, Lake(stack.record)
        self.expected = {stream: Expected(versioned=stream in set(versioned)) for stream in streams}
        self.published: Counter = Counter()
        # The first sequence of each group that streams moved to; the others begin at 0.
        self.begins: dict[str, int] = {}
        self._numbers: Counter = Counter()

    def message(self, stream: str, body: Any, effect: str = "upsert", key: tuple = (), row: dict | None = None, **more) -> Message:
        """The next message of a stream, and what should become of it. A body that is not bytes is sent as JSON."""
        self._numbers[stream] += 1
        name = f"{stream}-{self._numbers[stream]:06}"
        version = more.pop("version", None)
        self.expected[stream].add(Effect(name, effect, key, row or {}, version))
        self.published[stream] += 1
        text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return Message(f"{stream}.state", text, name, **more)

    def publish(self, messages: Iterable[Message]) -> None:
        """Publishes and waits for the confirms."""
        Publisher(self.stack.record["amqp_url"], [f"{s}.state" for s in self.expected], messages).run()

    def publish_together(self, *stories: Iterable[Message]) -> list[threading.Thread]:
        """Several publishers at once, each with connections of its own; answers their threads."""
        threads = [threading.Thread(target=self.publish, args=(story,), daemon=True) for story in stories]
        for thread in threads:
            thread.start()
        return threads

    def wait_until_idle(self, deadline: float = 120) -> None:
        """Waits until everything published is catalogued, transformed and in the current tables."""
        late = lambda: behind(self.lake, self.published)
        wait_for("the flow to come to rest", lambda: not late(), deadline, seen=late)

    def differences(self, killed: bool = False) -> list[str]:
        """Everything that differs from the oracle. A killed ingest may have left a raw object that no batch names."""
        return check_catalog(self.lake, self.published, orphans_allowed=killed, begins=self.begins) + check_tables(self.lake, self.expected)

    def assert_equal(self, killed: bool = False, deadline: float = 120) -> None:
        """Waits for rest, then compares."""
        self.wait_until_idle(deadline)
        assert self.differences(killed) == []
