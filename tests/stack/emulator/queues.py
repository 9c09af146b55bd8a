"""Mends moto's SQS: a long poll waits without holding the one lock, and wakes when a message comes; a redrive policy that was
written without spaces is read back without them, or Terraform would mend it for half a minute at each apply; a queue's policy
stays when other attributes are set."""

import json
import threading

from moto.sqs.models import Queue

# A message becomes visible again by the clock, which wakes nobody.
LOOK_AGAIN = 0.25


def install(lock: threading.Condition) -> None:
    """`lock` is held around every request: waiting on it lets the others in."""
    plain = Queue.add_message

    def add_message(self: Queue, message: object) -> None:
        plain(self, message)
        lock.notify_all()

    attributes = Queue.attributes.fget

    def compact(self: Queue) -> dict[str, object]:
        found = dict(attributes(self))
        if found.get("RedrivePolicy"):
            found["RedrivePolicy"] = json.dumps(json.loads(found["RedrivePolicy"]), separators=(",", ":"))
        return found

    change = Queue._set_attributes

    def keep_policy(self: Queue, attributes: dict[str, object], now: float | None = None) -> None:
        change(self, {"Policy": getattr(self, "policy", None)} | attributes, now)

    Queue.add_message = add_message
    Queue._set_attributes = keep_policy
    Queue.attributes = property(compact)
    Queue.wait_for_messages = lambda _queue, _timeout: lock.wait(LOOK_AGAIN)
