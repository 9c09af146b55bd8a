"""What docs/rabbitmq.md says of RabbitMQ 3 and 4 is so; run with either (`FOZ_BROKER`)."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from scripts.environment import ROOT
from tests.amqp import Client, properties, short
from tests.management import Management
from tests.stack import processes
from tests.stack.broker import Broker, control
from tests.waiting import wait_for

QUORUM = {"x-queue-type": "quorum", "x-single-active-consumer": True}
PATIENCE = 5.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    home = tmp_path_factory.mktemp("broker")
    try:
        broker = Broker(home)
        broker.wait()
        yield broker
    finally:
        processes.stop_all(home)


@pytest.fixture(scope="module")
def four(broker: Broker) -> bool:
    """Whether it is RabbitMQ 4."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    url = broker.management_url.replace("guest:guest@", "")
    passwords.add_password(None, url, "guest", "guest")
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(f"{url}/api/overview") as answer:
        return int(json.load(answer)["rabbitmq_version"].partition(".")[0]) >= 4


@pytest.fixture
def connection(broker: Broker) -> Iterator[pika.BlockingConnection]:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        yield connection


def publish(channel: BlockingChannel, queue: str, *bodies: str) -> None:
    """Publishes each confirmed: a body that begins with `h` with a high priority, another one with none."""
    channel.confirm_delivery()
    channel.queue_declare(queue, durable=True, arguments=QUORUM)
    for body in bodies:
        channel.basic_publish("", queue, body.encode(), pika.BasicProperties(delivery_mode=2, priority=9 if body.startswith("h") else None))


def delivered(connection: pika.BlockingConnection, queue: str, count: int) -> list[str]:
    """As many bodies as a new channel brings, up to a count; by its close all go back, as if its consumer had died."""
    channel, bodies = connection.channel(), []
    channel.basic_consume(queue, lambda _channel, _method, _properties, body: bodies.append(body.decode()))
    end = time.monotonic() + PATIENCE
    while len(bodies) < count and time.monotonic() < end:
        connection.process_data_events(time_limit=0.1)
    # pika's own `close` would reject them one by one, which is another order.
    channel._impl.close()
    while not channel._impl.is_closed:
        connection.process_data_events(time_limit=0.1)
    return bodies


def test_high_priorities_overtake_on_4_and_never_a_message_published_before_comes_after_a_marker(connection, four):
    publish(connection.channel(), "priorities", "0", "h1", "2", "h3", "4", "h5", "marker", "h6")
    once = delivered(connection, "priorities", 8)
    behind = once[once.index("marker") :]
    assert behind in (["marker"], ["marker", "h6"])
    assert once[:4] == (["h1", "h3", "0", "h5"] if four else ["0", "h1", "2", "h3"])
    assert delivered(connection, "priorities", 8) == once, "what comes again comes as it came"


def test_a_queue_without_a_limit_of_deliveries_drops_on_4_after_20_of_them(connection, four):
    publish(connection.channel(), "unlimited", "x")
    times = next((number for number in range(30) if not delivered(connection, "unlimited", 1)), 30)
    assert times == (21 if four else 30)


def test_a_message_of_17_mib_is_refused_on_4(connection, four):
    channel = connection.channel()
    if four:
        with pytest.raises(ChannelClosedByBroker, match="larger than configured max size 16777216"):
            publish(channel, "large", "x" * (17 << 20))
    else:
        publish(channel, "large", "x" * (17 << 20))


def test_a_single_active_consumer_gives_way_to_a_higher_priority_on_4_only(connection, four):
    channel, served = connection.channel(), []
    channel.queue_declare("served", durable=True, arguments=QUORUM)
    for who, priority in (("first", 0), ("higher", 5), ("as high", 5)):
        consumer = connection.channel()
        consumer.basic_consume("served", lambda *_, who=who: served.append(who), auto_ack=True, arguments={"x-priority": priority})
        channel.basic_publish("", "served", b"")
        end = time.monotonic() + PATIENCE
        count = len(served)
        while len(served) == count and time.monotonic() < end:
            connection.process_data_events(time_limit=0.1)
    assert served == (["first", "higher", "higher"] if four else ["first"] * 3)


@pytest.mark.parametrize("limit", [{"x-delivery-limit": 1_000_000}, {}], ids=["of Foz", "without a limit"])
def test_a_look_at_dead_letters_counts_as_a_delivery_and_leaves_their_order_unless_it_rejects(broker, connection, four, limit):
    channel, management = connection.channel(), Management(broker.management_url)
    name = f"dead-letters {limit}"
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"} | limit)
    channel.confirm_delivery()
    for number in range(4):
        channel.basic_publish("", name, str(number).encode())
    assert management.look_into(name, 2) == [("0", False), ("1", False)]
    assert management.look_into(name, 2) == [("0", True), ("1", True)]
    assert management.look_into(name, 2, "reject_requeue_true") == [("0", True), ("1", True)]
    left = [body for body, _ in management.look_into(name, 4)]
    assert left == (["0", "1", "2", "3"] if limit or four else ["2", "3", "0", "1"])


def test_a_header_that_is_there_twice_is_passed_on_once_by_4(broker, connection, four):
    connection.channel().queue_declare("twice", durable=True, arguments={"x-queue-type": "quorum"})
    first, second = (short(b"a") + b"b" + bytes([value]) for value in (1, 2))
    with Client(broker.amqp_url) as client:
        client.publish(b"", b"twice", properties(headers=first + second), b"")
        passed = wait_for("the message", lambda: client.get(b"twice")).properties
    assert first in passed and (second in passed) != four


def test_the_node_counts_by_reason_what_became_dead_letters_and_nobody_looks_at_them(broker, connection):
    channel = connection.channel()
    channel.exchange_declare("graveyard", "fanout")
    channel.queue_declare("graves", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind("graves", "graveyard")
    how = {"x-dead-letter-exchange": "graveyard", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
    channel.queue_declare("mortal", durable=True, arguments=QUORUM | how)
    channel.confirm_delivery()
    [look] = re.findall(r"`rabbitmqctl eval '(.*)'`", (ROOT / "docs/runbook.md").read_text())

    def died(reason: str) -> int:
        said = control(Path(broker.node.log).parent.parent, broker.node.pid, "eval", look)
        counted = re.findall(rf"messages_dead_lettered_{reason}_total *=> *(\d+)", said)
        assert counted, reason
        return sum(map(int, counted))

    before = {reason: died(reason) for reason in ("expired", "rejected", "delivery_limit", "maxlen")}
    channel.basic_publish("", "mortal", b"", pika.BasicProperties(expiration="1"))
    wait_for("it to be counted", lambda: died("expired") == before["expired"] + 1)
    assert {reason: died(reason) for reason in before} == before | {"expired": before["expired"] + 1}


def test_rabbitmqctl_is_that_of_the_node(broker):
    control(Path(broker.node.log).parent.parent, broker.node.pid, "list_queues")
