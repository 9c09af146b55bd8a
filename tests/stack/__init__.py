"""The local cloud: RabbitMQ, an emulated AWS with the real functions on it, as Terraform built it. See README.md."""

from typing import Any

__all__ = ["Failed", "Stack", "binary", "wait_until"]


def __getattr__(name: str) -> Any:
    """Loads what is asked for: the cloud's own processes, which live in this package too, start without the rest."""
    from tests.stack import binaries, cloud, processes

    if name not in __all__:
        raise AttributeError(name)
    return {"Failed": processes.Failed, "Stack": cloud.Stack, "binary": binaries.binary, "wait_until": processes.wait_until}[name]
