"""The emulator's state in a file, so that what Terraform created once need not be created again (see `terraform.py`)."""

import copyreg
import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import cloudpickle
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

SERVICES = ("s3", "sqs", "dynamodb", "iam", "logs", "events", "scheduler", "glue", "lambda", "kms", "cloudwatch", "sns")

copyreg.pickle(threading.Condition, lambda _condition: (threading.Condition, ()))
copyreg.pickle(type(threading.RLock()), lambda _lock: (threading.RLock, ()))
copyreg.pickle(type(threading.Lock()), lambda _lock: (threading.Lock, ()))
copyreg.pickle(openssl.rsa.RSAPrivateKey, lambda key: (of_der, (der(key),)))
copyreg.pickle(weakref.WeakValueDictionary, lambda values: (weakref.WeakValueDictionary, (dict(values),)))


def der(key: rsa.RSAPrivateKey) -> bytes:
    """A private key of the emulated KMS; nothing that it protects is secret."""
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form)


def of_der(written: bytes) -> Any:
    """What `der` wrote."""
    return serialization.load_der_private_key(written, None)


def save(path: Path) -> None:
    """Writes the state of all services; the file appears whole or not at all."""
    state = {service: dict(get_backend(service)[DEFAULT_ACCOUNT_ID].items()) for service in SERVICES}  # type: ignore[arg-type]
    fresh = path.with_suffix(".new")
    fresh.write_bytes(cloudpickle.dumps(state))  # moto's state holds lambdas, which pickle alone cannot write
    fresh.replace(path)


def load(path: Path, old: str, new: str) -> None:
    """Takes the state from a file that `save` wrote; what functions were told of the `old` endpoint is told of the `new`."""
    state: dict[str, dict[str, Any]] = pickle.loads(path.read_bytes())
    for service, regions in state.items():
        backends = get_backend(service)[DEFAULT_ACCOUNT_ID]  # type: ignore[arg-type]
        for region, backend in regions.items():
            backends[region] = backend
    for region in state["lambda"].values():
        for function in region._lambdas.latest():  # `all` gives copies
            told = function.environment_vars
            function.environment_vars = {name: value.replace(old, new) for name, value in told.items()}
