"""The local cloud: RabbitMQ, an emulated AWS with the real functions on it, as Terraform built it. See README.md."""

from importlib import import_module
from typing import Any

HELD_IN = {"Stack": "cloud", "binary": "binaries", "Failed": "processes", "wait_until": "processes"}
__all__ = list(HELD_IN)


def __getattr__(name: str) -> Any:
    """Loads what is asked for: the cloud's own processes, which live in this package too, start without the rest."""
    if name not in HELD_IN:
        raise AttributeError(name)
    return getattr(import_module(f"tests.stack.{HELD_IN[name]}"), name)
