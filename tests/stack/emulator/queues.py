"""Mends moto's SQS: a long poll waits without holding the one lock, and wakes when a message comes."""

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

    Queue.add_message = add_message
    Queue.wait_for_messages = lambda _queue, _timeout: lock.wait(LOOK_AGAIN)
