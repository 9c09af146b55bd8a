"""The pump plays mappings from RabbitMQ: what functions are told, one at a time, whole batches, in order, until they succeed."""

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from urllib.error import HTTPError

import pika
import pytest
from botocore.exceptions import ClientError

from tests.management import Management
from tests.stack import processes
from tests.stack.broker import Broker
from tests.stack.processes import wait_until
from tests.stack.test_lambda_host import PROGRAM, Function, package

NUMBERS = itertools.count()
ARN = "arn:aws:mq:us-east-1:123456789012:broker:local:b-00000000-0000-0000-0000-000000000000"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:foz/broker"
LIMIT = 6 * 1024 * 1024
# Writes down each event, waits while it is held, and fails while it is told to.
WATCHED = PROGRAM.replace(
    '    what = event.get("do")\n',
    """    folder = os.environ["FOLDER"]
    with open(f"{folder}/events", "a") as events:
        print(json.dumps({"event": event, "request": request}), file=events)
    while os.path.exists(f"{folder}/hold"):
        time.sleep(0.01)
    what = "fail" if os.path.exists(f"{folder}/fail") else "exit" if os.path.exists(f"{folder}/exit") else None
    with open(f"{folder}/events", "a") as events:
        print(json.dumps({"failed": what is not None, "request": request}), file=events)
""",
)
PROPERTIES = "contentType contentEncoding headers deliveryMode priority correlationId replyTo expiration messageId timestamp type userId appId clusterId".split()


@pytest.fixture(scope="module")
def broker(aws) -> Iterator[Broker]:
    """A node, which the pump is told of."""
    node = Broker(aws.home)
    node.wait()
    aws.env["AMQP_URL"] = node.amqp_url
    yield node
    del aws.env["AMQP_URL"]
    processes.stop([node.node, node.epmd])


@pytest.fixture
def pump(aws, broker):
    """The pump, running."""
    aws.run("pump", "tests.stack.pump.run")
    yield aws
    processes.stop([processes.find(aws.home, "pump")])


class Mapped:
    """A queue, a function, and the mapping between them."""

    def __init__(self, aws, broker: Broker, folder: Path, quorum: bool = False, **settings):
        self.aws, self.folder = aws, folder
        self.queue = f"queue-{next(NUMBERS)}"
        self.management = Management(broker.management_url)
        self.channel = pika.BlockingConnection(pika.URLParameters(broker.amqp_url + "?heartbeat=0")).channel()
        self.channel.confirm_delivery()
        arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True} if quorum else None
        self.channel.queue_declare(self.queue, durable=True, arguments=arguments)
        self.function = Function(aws, Code={"ZipFile": package(WATCHED)}, Timeout=60, Environment={"Variables": {"FOLDER": str(folder)}})
        self.api = self.function.api
        self.settings = {
            "EventSourceArn": ARN,
            "FunctionName": self.function.name,
            "Queues": [self.queue],
            "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": SECRET}, {"Type": "VIRTUAL_HOST", "URI": "/"}],
        } | settings
        self.uuid = ""

    def create(self) -> None:
        self.uuid = self.api.create_event_source_mapping(**self.settings)["UUID"]

    def publish(self, *bodies: bytes, **properties) -> None:
        """Publishes and waits for the confirms."""
        for body in bodies:
            self.channel.basic_publish("", self.queue, body, pika.BasicProperties(**properties), mandatory=True)

    def told(self) -> list[dict]:
        """What the function wrote down: what it was told, and how that ended."""
        path = self.folder / "events"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def events(self) -> list[dict]:
        """The events, in order."""
        return [line["event"] for line in self.told() if "event" in line]

    def batches(self) -> list[list[bytes]]:
        """The bodies of each event."""
        return [[base64.b64decode(each["data"]) for each in event["rmqMessagesByQueue"][f"{self.queue}::/"]] for event in self.events()]

    def acknowledged(self) -> int:
        """Messages that were acknowledged; the broker counts them with a delay."""
        return self.management.queue(self.queue).get("message_stats", {}).get("ack", 0)

    def await_acknowledged(self, count: int) -> None:
        """Waits until `count` messages were acknowledged, no more and no fewer."""
        wait_until(lambda: self.acknowledged() >= count, 30, f"acknowledgement of {count} messages")
        assert self.acknowledged() == count

    def consumed(self) -> bool:
        """Whether somebody consumes."""
        return self.channel.queue_declare(self.queue, passive=True).method.consumer_count > 0

    def waiting(self) -> int:
        """How many messages wait in the queue, delivered ones not counted."""
        return self.channel.queue_declare(self.queue, passive=True).method.message_count

    def await_log(self, words: str) -> None:
        """Waits until the pump has written this."""
        wait_until(lambda: words in (self.aws.home / "logs" / "pump.log").read_text(), 20, words)

    def say(self, word: str) -> Callable[[], None]:
        """Has the function `hold`, `fail` or `exit`, until it is taken back."""
        path = self.folder / word
        path.touch()
        return path.unlink

    def assert_one_at_a_time(self) -> None:
        """Each execution ended before the next began."""
        lines = self.told()
        for began, ended in zip(lines[::2], lines[1::2], strict=True):
            assert "event" in began and "failed" in ended and began["request"] == ended["request"]


@pytest.fixture
def mapped(pump, broker, tmp_path) -> Iterator[Callable[..., Mapped]]:
    """Makes a queue with a function; the mapping is removed at the end."""
    made: list[Mapped] = []

    def make(**settings) -> Mapped:
        made.append(Mapped(pump, broker, tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        if each.uuid:
            each.api.delete_event_source_mapping(UUID=each.uuid)
        each.channel.connection.close()


def numbers(first: int, last: int) -> list[bytes]:
    return [str(number).encode() for number in range(first, last)]


def test_an_event_is_as_aws_documents_it(mapped):
    queue = mapped()
    queue.publish(
        b'{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}',
        content_type="text/plain",
        headers={"header1": "value1", "header2": "value2", "numberInHeader": 10},
        delivery_mode=1,
        priority=34,
        expiration="60000",
        timestamp=2021,
        user_id="guest",
    )
    queue.create()
    wait_until(queue.events, 20, "the event")
    [event] = queue.events()
    properties = {
        "contentType": "text/plain",
        "contentEncoding": None,
        "headers": {
            "header1": {"bytes": [118, 97, 108, 117, 101, 49]},
            "header2": {"bytes": [118, 97, 108, 117, 101, 50]},
            "numberInHeader": 10,
        },
        "deliveryMode": 1,
        "priority": 34,
        "correlationId": None,
        "replyTo": None,
        "expiration": "60000",
        "messageId": None,
        "timestamp": "Jan 1, 1970, 12:33:41 AM",
        "type": None,
        "userId": "guest",
        "appId": None,
        "clusterId": None,
        "bodySize": 43,
    }
    message = {"basicProperties": properties, "redelivered": False, "data": "eyJ0aW1lb3V0IjowLCJkYXRhIjoiQ1pybWYwR3c4T3Y0YnFMUXhENEUifQ=="}
    expected = {"eventSource": "aws:rmq", "eventSourceArn": ARN, "rmqMessagesByQueue": {f"{queue.queue}::/": [message]}}
    assert json.dumps(event) == json.dumps(expected), "the order of the names included"


def test_whatever_properties_and_headers_say_arrives(mapped):
    queue = mapped()
    headers = {
        "text": "é🛫",
        "bytes": b"\x00\x7f\xff",
        "yes": True,
        "none": None,
        "long": 2**40,
        "price": Decimal("1.25"),
        "at": datetime(2026, 7, 4, 13, 0, 9, tzinfo=timezone.utc),
        "list": ["a", 1, [2]],
        "table": {"in": {"side": "b"}},
        "ключ": 1,
    }
    queue.publish(b"", headers=headers, timestamp=1_800_000_000_000)  # milliseconds, as some do by mistake
    queue.publish(b"\x00\xff", headers={}, correlation_id="c", reply_to="r", type="t", app_id="a", content_encoding="gzip", cluster_id="i", message_id="")
    queue.publish(b"bare")
    queue.create()
    wait_until(lambda: sum(map(len, queue.batches())) == 3, 20, "all messages")
    first, second, third = (each for event in queue.events() for each in event["rmqMessagesByQueue"][f"{queue.queue}::/"])
    assert first["data"] == "" and first["basicProperties"]["bodySize"] == 0
    assert first["basicProperties"]["timestamp"] == "Sep 24, 59009, 8:00:00 AM"
    assert first["basicProperties"]["headers"] == {
        "text": {"bytes": [-61, -87, -16, -97, -101, -85]},
        "bytes": [0, 127, -1],
        "yes": True,
        "none": None,
        "long": 2**40,
        "price": 1.25,
        "at": "Jul 4, 2026, 1:00:09 PM",
        "list": [{"bytes": [97]}, 1, [2]],
        "table": {"in": {"side": {"bytes": [98]}}},
        "ключ": 1,
    }
    said = second["basicProperties"]
    assert base64.b64decode(second["data"]) == b"\x00\xff"
    there = {"contentEncoding": "gzip", "headers": {}, "correlationId": "c", "replyTo": "r", "messageId": "", "type": "t", "appId": "a", "clusterId": "i"}
    assert {name: said[name] for name in PROPERTIES} == dict.fromkeys(PROPERTIES) | there
    assert third["basicProperties"] == dict.fromkeys(PROPERTIES) | {"bodySize": 4}


@pytest.mark.parametrize("word", ["fail", "exit"])
def test_the_whole_batch_comes_again_until_the_function_succeeds(mapped, aws, word):
    queue = mapped(BatchSize=10)
    queue.publish(*numbers(0, 10))
    take_back = queue.say(word)
    queue.create()
    wait_until(lambda: len(queue.events()) >= 3, 30, "three attempts")
    attempts = queue.events()
    assert all(event == attempts[0] for event in attempts), "each is told the same"
    processes.kill(processes.find(aws.home, "pump"))
    wait_until(lambda: not queue.consumed(), 20, "the end of the consumer")
    assert queue.waiting() == 10, "nothing was acknowledged"
    aws.run("pump", "tests.stack.pump.run")
    wait_until(lambda: queue.events()[-1] != attempts[0], 20, "an attempt of the new pump")
    take_back()
    queue.publish(b"next")
    wait_until(lambda: queue.batches()[-1] == [b"next"], 30, "the message behind")
    queue.await_acknowledged(11)
    assert queue.batches()[:-1] == [numbers(0, 10)] * (len(queue.batches()) - 1)
    if word == "fail":
        queue.assert_one_at_a_time()


def test_a_throttled_batch_waits(mapped):
    queue = mapped(BatchSize=10)
    queue.api.put_function_concurrency(FunctionName=queue.function.name, ReservedConcurrentExecutions=0)
    queue.function.seen()
    queue.publish(*numbers(0, 10))
    queue.create()
    queue.await_log(f"{queue.function.name}: 10 messages wait")
    queue.api.delete_function_concurrency(FunctionName=queue.function.name)
    queue.await_acknowledged(10)
    assert queue.batches() == [numbers(0, 10)]


def test_one_execution_at_a_time_in_the_order_of_the_queue(mapped):
    queue = mapped(BatchSize=7)
    release = queue.say("hold")
    queue.publish(*numbers(0, 50))
    queue.create()
    wait_until(queue.events, 20, "the first event")
    queue.publish(*numbers(50, 100))
    assert len(queue.events()) == 1
    release()
    queue.await_acknowledged(100)
    queue.assert_one_at_a_time()
    assert sum(queue.batches(), []) == numbers(0, 100)
    assert max(map(len, queue.batches())) == 7 and len(queue.batches()[0]) == 7


def test_a_window_without_enough_messages_ends(mapped):
    queue = mapped(BatchSize=1000, MaximumBatchingWindowInSeconds=1)
    queue.publish(*numbers(0, 3))
    queue.create()
    queue.await_acknowledged(3)
    assert queue.batches() == [numbers(0, 3)]


def test_a_batch_ends_below_six_megabytes_and_what_never_fits_is_dropped(mapped):
    queue = mapped(BatchSize=100)
    bodies = [bytes([65 + number]) * 1_000_000 for number in range(10)]
    queue.publish(*bodies[:5], bytes(5_000_000), *bodies[5:])
    queue.create()
    queue.await_acknowledged(11)
    assert sum(queue.batches(), []) == bodies
    sizes = [len(json.dumps(event, separators=(",", ":"))) for event in queue.events()]
    assert max(sizes) <= LIMIT and len(sizes) >= 3
    log = (queue.aws.home / "logs" / "pump.log").read_text()
    assert f"{queue.queue}: a message of 5000000 bytes is too large for an event, and dropped" in log


def test_what_a_killed_pump_held_is_delivered_again_in_order(mapped, aws):
    queue = mapped(quorum=True, BatchSize=10)
    queue.publish(*numbers(0, 10))
    queue.create()
    queue.await_acknowledged(10)
    release = queue.say("hold")
    queue.publish(*numbers(10, 40))
    wait_until(lambda: len(queue.events()) == 2, 20, "the event that is held")
    wait_until(lambda: queue.waiting() == 10, 20, "two batches to be delivered")
    processes.kill(processes.find(aws.home, "pump"))
    wait_until(lambda: not queue.consumed(), 20, "the end of the consumer")
    release()
    aws.run("pump", "tests.stack.pump.run")
    queue.await_acknowledged(40)
    records = [each for event in queue.events()[2:] for each in event["rmqMessagesByQueue"][f"{queue.queue}::/"]]
    assert [base64.b64decode(each["data"]) for each in records] == numbers(10, 40)
    assert [each["redelivered"] for each in records] == [True] * 20 + [False] * 10
    counts = [(each["basicProperties"]["headers"] or {}).get("x-delivery-count") for each in records]
    assert counts == [1] * 20 + [None] * 10


def test_a_disabled_mapping_ends_its_execution_and_stops(mapped):
    queue = mapped(BatchSize=10)
    release = queue.say("hold")
    queue.publish(*numbers(0, 30))
    queue.create()
    wait_until(queue.events, 20, "the event")
    queue.api.update_event_source_mapping(UUID=queue.uuid, Enabled=False)
    queue.await_log(f"the mapping of {queue.queue} ends")
    release()
    wait_until(lambda: not queue.consumed(), 20, "the end of the consumer")
    assert queue.waiting() == 20, "what was done is acknowledged"
    queue.publish(b"later")
    queue.api.update_event_source_mapping(UUID=queue.uuid, Enabled=True)
    queue.await_acknowledged(31)
    assert sum(queue.batches(), []) == [*numbers(0, 30), b"later"], "none was told twice"
    queue.api.delete_event_source_mapping(UUID=queue.uuid)
    queue.uuid = ""
    wait_until(lambda: not queue.consumed(), 20, "the end of the consumer")


def test_a_changed_mapping_goes_on_with_what_it_is_now(mapped):
    queue = mapped(BatchSize=5)
    queue.publish(*numbers(0, 5))
    queue.create()
    queue.await_acknowledged(5)
    queue.api.update_event_source_mapping(UUID=queue.uuid, BatchSize=50)
    queue.await_log(f"consumes {queue.queue}, at most 50")
    queue.publish(*numbers(5, 55))
    queue.await_acknowledged(55)
    assert sum(queue.batches(), []) == numbers(0, 55)


def test_a_lost_connection_is_made_again(mapped, broker):
    queue = mapped(BatchSize=10)
    queue.create()
    wait_until(queue.consumed, 20, "the consumer")
    queue.publish(b"before")
    wait_until(lambda: queue.batches() == [[b"before"]], 20, "the message")
    queue.await_acknowledged(1)
    log = queue.aws.home / "logs" / "pump.log"

    def cut() -> bool:
        with suppress(HTTPError):  # it is listed for a while after it is gone
            queue.management.cut_connections()
        return f"consumes {queue.queue} no more" in log.read_text()

    wait_until(cut, 20, "the end of the connection")
    queue.channel = pika.BlockingConnection(pika.URLParameters(broker.amqp_url + "?heartbeat=0")).channel()
    queue.publish(b"after")
    wait_until(lambda: queue.batches()[-1] == [b"after"], 30, "the message behind")


def test_a_queue_that_comes_later_is_consumed_then(mapped):
    queue = mapped()
    queue.channel.queue_delete(queue.queue)
    queue.create()
    queue.await_log(f"NOT_FOUND - no queue '{queue.queue}'")
    queue.channel.queue_declare(queue.queue, durable=True)
    queue.publish(b"there")
    wait_until(lambda: queue.batches() == [[b"there"]], 20, "the message")


def test_a_mapping_is_read_back_as_it_was_written(mapped):
    queue = mapped(MaximumBatchingWindowInSeconds=2, Enabled=False)
    queue.create()
    read = queue.api.get_event_source_mapping(UUID=queue.uuid)
    for name in ("EventSourceArn", "Queues", "SourceAccessConfigurations", "MaximumBatchingWindowInSeconds"):
        assert read[name] == queue.settings[name]
    assert (read["BatchSize"], read["State"], read["FunctionArn"]) == (100, "Disabled", queue.function.arn)
    assert "StartingPosition" not in read
    [listed] = [each for each in queue.api.list_event_source_mappings()["EventSourceMappings"] if each["UUID"] == queue.uuid]
    assert listed["Queues"] == [queue.queue]
    queue.api.update_event_source_mapping(UUID=queue.uuid, BatchSize=10_000)
    assert queue.api.get_event_source_mapping(UUID=queue.uuid)["BatchSize"] == 10_000


@pytest.mark.parametrize("wrong", [{"BatchSize": 10_001}, {"Queues": ["a", "b"]}, {"SourceAccessConfigurations": []}])
def test_a_mapping_that_lambda_would_refuse_is_refused(mapped, wrong):
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        mapped(**wrong).create()
