"""S3 events, as the buckets' notification configurations ask for them, kept until the event pump took them.

moto would put them into the queue within the writer's request: always there, always in time. On AWS they come later,
twice, or after a fault; here a process of its own delivers them, and that process can be killed.
"""

import json
import threading
from collections import deque
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications


class EventLog:
    """Events in order; `after` tells which ones the pump already delivered."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[dict[str, Any]] = deque()
        self._last = 0

    def install(self) -> None:
        """Takes the place of moto's delivery."""
        notifications.send_event = self._record

    def after(self, number: int, wait: float) -> list[dict[str, Any]]:
        """Forgets the events up to `number` and answers those behind it, as soon as there is one, within `wait` seconds."""
        with self._changed:
            while self._events and self._events[0]["number"] <= number:
                self._events.popleft()
            self._changed.wait_for(lambda: self._events, timeout=wait)
            return list(self._events)

    def _record(self, account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        configuration = bucket.notification_configuration
        for wanted in configuration.queue if configuration else []:
            if wanted.matches(event_name, key.name):
                body = notifications._get_s3_event(event_name, bucket, key, wanted.id)
                with self._changed:
                    self._last += 1
                    told = body["Records"][0]["s3"]["object"]
                    told["key"] = quote_plus(key.name, safe="/")  # S3 leaves the slashes, moto does not
                    told["sequencer"] = f"{self._last:016X}"
                    self._events.append({"number": self._last, "queue_arn": wanted.arn, "body": json.dumps(body)})
                    self._changed.notify_all()
