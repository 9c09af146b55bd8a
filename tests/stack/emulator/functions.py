"""What the Lambda host asks of the emulator: every function as Terraform configured it, and its code.

moto keeps functions but cannot run them, and it would invoke one within the request that fills its queue.
"""

from typing import Any

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from tests.stack.emulator import brokers


def install() -> None:
    """Event source mappings are the pump's business: moto keeps them, and moves no message."""
    LambdaBackend.send_sqs_batch = lambda *_args, **_named: False
    LambdaBackend.create_event_source_mapping = detached(brokers.mapped(LambdaBackend.create_event_source_mapping))


def detached(plain: Any) -> Any:
    """A mapping that its queue does not know of: moto's queue would receive its own messages in the mapping's name."""

    def create_event_source_mapping(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
        mapping = plain(backend, spec)
        for queue in sqs_backends[backend.account_id][backend.region_name].queues.values():
            queue.lambda_event_source_mappings.clear()
        return mapping

    return create_event_source_mapping


def configurations() -> list[dict[str, Any]]:
    """All functions of all regions."""
    return [configuration(each) for backend in lambda_backends[DEFAULT_ACCOUNT_ID].values() for each in backend._lambdas.latest()]


def configuration(function: Any) -> dict[str, Any]:
    """What decides how a function runs."""
    asynchronous = [each.response() for each in function.event_invoke_config]
    return {
        "name": function.function_name,
        "arn": function.function_arn,
        "region": function.region,
        "handler": function.handler or "",
        "environment": function.environment_vars,
        "timeout": int(function.timeout),
        "memory": int(function.memory_size),
        "code": function.code_sha_256,
        "reserved_concurrency": None if function.reserved_concurrency is None else int(function.reserved_concurrency),
        "asynchronous": asynchronous[-1] if asynchronous else {},
    }


def code(name: str) -> bytes | None:
    """The zip of a function."""
    for backend in lambda_backends[DEFAULT_ACCOUNT_ID].values():
        for function in backend._lambdas.latest():
            if function.function_name == name:
                return function.code_bytes
    return None
