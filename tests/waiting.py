"""Waiting for conditions, with a deadline and a reason; never for time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], deadline: float = 90.0, seen: Callable[[], object] | None = None) -> T:
    """The condition's first true value; after `deadline` seconds an error that says what was awaited and what was seen."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline:.0f} s for {what}" + (f"; last seen: {seen()}" if seen else ""))
        time.sleep(0.1)
