"""What Lambda tells a function of a RabbitMQ message.

AWS has Gson write the objects of RabbitMQ's Java client. Hence bytes with a sign, text of headers as an object with its
bytes, and times in the words of Java's American locale.
https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html#mq-sample-event
"""

import base64
import json
import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pika import BasicProperties

from tests.stack.pump.consumer import Delivery, Moment, Text

# The Gregorian calendar repeats itself after 400 years; Python's ends with the year 9999, AMQP's seconds go on.
ERA_YEARS, ERA_SECONDS = 400, 146_097 * 86_400


def record(delivery: Delivery) -> bytes:
    """One message, as it stands in the list of its queue."""
    told = {"basicProperties": properties(delivery), "redelivered": delivery.redelivered, "data": base64.b64encode(delivery.body).decode()}
    return json.dumps(told, separators=(",", ":")).encode()


def properties(delivery: Delivery) -> dict[str, Any]:
    """All properties of AMQP, those that the message lacks too."""
    of: BasicProperties = delivery.properties
    return {
        "contentType": text(of.content_type),
        "contentEncoding": text(of.content_encoding),
        "headers": None if of.headers is None else table(of.headers),
        "deliveryMode": of.delivery_mode,
        "priority": of.priority,
        "correlationId": text(of.correlation_id),
        "replyTo": text(of.reply_to),
        "expiration": text(of.expiration),
        "messageId": text(of.message_id),
        "timestamp": None if of.timestamp is None else moment(of.timestamp),
        "type": text(of.type),
        "userId": text(of.user_id),
        "appId": text(of.app_id),
        "clusterId": text(of.cluster_id),
        "bodySize": len(delivery.body),
    }


def text(value: str | bytes | None) -> str | None:
    """A short string. Java reads what is not UTF-8 with a replacement for each character that is none."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def table(headers: dict[Any, Any]) -> dict[str, Any]:
    """A table of headers, of whatever depth."""
    return {str(text(name)): value(each) for name, each in headers.items()}


def value(of: Any) -> Any:
    """The value of a header."""
    match of:
        case Text():
            return {"bytes": signed(of)}
        case bytes():
            return signed(of)
        case Moment():
            return moment(of)
        case dict():
            return table(of)
        case list():
            return [value(each) for each in of]
        case float() if not math.isfinite(of):
            return str(of)  # JSON has no such number; what AWS does with one is not documented
        case Decimal():
            return int(of) if of == of.to_integral_value() else float(of)
    return of


def signed(of: bytes) -> list[int]:
    """Java's bytes reach from -128 to 127."""
    return [byte - 256 if byte > 127 else byte for byte in of]


def moment(seconds: int) -> str:
    """A time in UTC, such as `Jan 1, 1970, 12:33:41 AM`."""
    eras, rest = divmod(seconds, ERA_SECONDS)
    at = datetime(1970, 1, 1) + timedelta(seconds=rest)
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[at.month - 1]
    hour = at.hour % 12 or 12
    return f"{month} {at.day}, {at.year + eras * ERA_YEARS}, {hour}:{at.minute:02}:{at.second:02} {'AM' if at.hour < 12 else 'PM'}"
