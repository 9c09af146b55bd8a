"""Event source mappings from Amazon MQ, which moto refuses: it knows queues and streams of its own only.

A broker need not exist here: its ARN is taken as it is, and the pump knows where RabbitMQ is.
"""

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping, LambdaBackend

# https://docs.aws.amazon.com/lambda/latest/dg/services-mq-params.html
SIZE, LARGEST = 100, 10_000


class BrokerMapping(EventSourceMapping):
    """Read back as it was written; what was not said is not there."""

    def __init__(self, spec: dict[str, Any]):
        super().__init__(spec)
        self.starting_position = None  # a queue begins with its first message; Terraform would replace what has a position

    @property
    def event_source_arn(self) -> str:
        return self._event_source_arn

    @event_source_arn.setter
    def event_source_arn(self, arn: str) -> None:
        self._event_source_arn = arn

    @property
    def batch_size(self) -> int:
        return self._batch_size

    @batch_size.setter
    def batch_size(self, size: int | None) -> None:
        if size is not None and not 1 <= size <= LARGEST:
            raise InvalidParameterValueException(f"BatchSize {size} is not between 1 and {LARGEST}")
        self._batch_size = size or SIZE


def mapped(plain: Any) -> Any:
    """Creates mappings from brokers, and has moto create all others."""

    def create_event_source_mapping(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
        if not str(spec.get("EventSourceArn")).startswith("arn:aws:mq:"):
            return plain(backend, spec)
        if len(spec.get("Queues") or []) != 1:
            raise InvalidParameterValueException("Queues must name one queue")
        if "BASIC_AUTH" not in {each["Type"] for each in spec.get("SourceAccessConfigurations") or []}:
            raise InvalidParameterValueException("SourceAccessConfigurations must name the secret of a user: BASIC_AUTH")
        function = backend.get_function(spec["FunctionName"])
        where = {"RegionName": backend.region_name, "AccountId": backend.account_id, "FunctionArn": function.function_arn}
        mapping = BrokerMapping(spec | where)
        backend._event_source_mappings[mapping.uuid] = mapping
        return mapping

    return create_event_source_mapping
