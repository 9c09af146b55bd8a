"""The emulator's state in a file: what Terraform created once need not be created again.

Creating an SQS queue takes the provider 25 seconds of waiting, whatever the queue answers. So the state after an apply is
kept beside Terraform's own, and the next stack starts from both: its apply reads everything back, and changes what differs.
"""

import copyreg
import io
import pickle
import threading
from pathlib import Path
from typing import Any

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

SERVICES = ("s3", "sqs", "dynamodb", "iam", "logs", "events", "scheduler", "glue", "lambda", "kms", "sts")

copyreg.pickle(threading.Condition, lambda _condition: (threading.Condition, ()))
copyreg.pickle(type(threading.RLock()), lambda _lock: (threading.RLock, ()))
copyreg.pickle(type(threading.Lock()), lambda _lock: (threading.Lock, ()))


def save(path: Path) -> None:
    """Writes the state of all services; the file appears whole or not at all."""
    state = {service: dict(get_backend(service)[DEFAULT_ACCOUNT_ID].items()) for service in SERVICES}  # type: ignore[arg-type]
    buffer = io.BytesIO()
    pickle.dump(state, buffer)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(buffer.getvalue())
    fresh.replace(path)


def load(path: Path) -> None:
    """Takes the state from a file that `save` wrote."""
    state: dict[str, dict[str, Any]] = pickle.loads(path.read_bytes())
    for service, regions in state.items():
        backends = get_backend(service)[DEFAULT_ACCOUNT_ID]  # type: ignore[arg-type]
        for region, backend in regions.items():
            backends[region] = backend
