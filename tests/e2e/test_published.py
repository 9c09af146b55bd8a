"""Publishers may write anything beside a body: it flows, its neighbours flow, and the raw layer holds it byte for byte."""

import asyncio
import os
import random
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pika
import pytest

from tests.amqp import Client, properties, short
from tests.e2e import published
from tests.e2e.scenario import Scenario
from tests.management import Management
from tests.oracle import Effect
from tests.stack import Stack
from tests.waiting import wait_for

STREAMS = ("shelves", "boxes", "labels")

# Whether the broker is RabbitMQ 4: docs/rabbitmq.md says what it does with headers, and in which order it delivers.
FOUR = os.environ.get("FOZ_BROKER") == "4"

# A header.
ONCE = short(b"a") + b"b\x01"

POISON = {
    "latin type": {"message_id": b"latin", "type": b"Z\xfcrich"},
    "latin id": {"message_id": b"Z\xfcrich"},
    "an AMQP 1.0 UUID": {"message_id": bytes.fromhex("ff8f3f9a0c4b4f0e9d1c2b3a4f5e6d7c")},
    "latin header name": {"message_id": b"name", "headers": short(b"Z\xfcrich") + b"S\x00\x00\x00\x01a"},
    "1,000 arrays": {"message_id": b"arrays", "headers": short(b"deep") + published.nested(b"A", 1_000)},
    "1,000 tables": {"message_id": b"tables", "headers": short(b"deep") + published.nested(b"F", 1_000)},
    "26,000 arrays": {"message_id": b"more arrays", "headers": short(b"deep") + published.nested(b"A", 26_000)},
    "twice": {"message_id": b"twice", "headers": 2 * ONCE},
}


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "boxes.yaml") as stack:
        yield Scenario(stack, STREAMS)


def test_input_1_and_2_one_poisonous_message_among_ten_thousand_on_three_queues(scenario):
    """The poison comes before, among and behind the good ones: it may stop neither its queue nor the group's others."""
    stories = {stream: [good(scenario, stream, number) for number in range(3_334)] for stream in STREAMS}
    sent = []
    with Client(scenario.stack.record["amqp_url"]) as client:
        for part in range(0, 3_334, 600):
            for stream in STREAMS:
                scenario.publish(stories[stream][part : part + 600])
            for name, given in POISON.items():
                sent.append(poison(scenario, client, f"{name} {part}", given))
    scenario.assert_equal(deadline=300)
    assert sum(scenario.lake.counts()[stream] for stream in STREAMS) == 3 * 3_334 + len(sent)
    kept = [row for row in raw(scenario, "boxes") if row["body"].startswith(b'{"box": "poison')]
    assert [row["body"] for row in kept] == [body for body, _ in sent]
    for row, (_, encoded) in zip(kept, sent, strict=True):
        assert told(row) == published.row(b"", b"boxes.state", encoded)
    assert "poison" not in scenario.stack.log("bridge")


def test_input_1_a_campaign_of_whatever_publishers_may_write(scenario):
    """200 random messages reach the stream's queue and another one; a second client reads that and says what raw must hold.

    The bridge dies between a commit and its acknowledgement: what is delivered again, headers decoded and encoded anew by the
    broker, must be recognised as the same.
    """
    channel = pika.BlockingConnection(pika.URLParameters(scenario.stack.record["amqp_url"])).channel()
    channel.exchange_declare("m\u00fcller", "fanout")
    channel.queue_declare("mirror", durable=True)
    for queue in ("mirror", "labels.state"):
        channel.queue_bind(queue, "m\u00fcller")
    scenario.stack.kill("bridge")  # so that all of them come together, and all again
    choose = random.Random(11)
    before = len(raw(scenario, "labels"))
    with Client(scenario.stack.record["amqp_url"]) as client:
        for number in range(200):
            room = choose.choice((50, 500, 5_000, 129_000))
            encoded = published.any_properties(choose, room)
            client.publish("m\u00fcller".encode(), published.any_bytes(choose, 255), encoded, b'{"label": "any %d", "box": "b"}' % number)
        strike = scenario.stack.arm("bridge.after_commit_before_ack", "exit")
        scenario.stack.restart("bridge")
        wait_for("the bridge to die", lambda: not strike.exists() and not scenario.stack.alive("bridge"))
        scenario.stack.restart("bridge")
        scenario.published["labels"] += 200
        scenario.wait_until_idle()
        mirrored = [client.get(b"mirror") for _ in range(200)]
        assert client.get(b"mirror") is None
    found = raw(scenario, "labels")[before:]
    assert len(found) == 200
    if FOUR:  # high priorities overtake, in each queue as it comes
        found.sort(key=lambda row: row["body"])
        mirrored.sort(key=lambda message: message.body)
    for row, message in zip(found, mirrored, strict=True):
        assert row["body"] == message.body
        assert told(row) == published.row(message.exchange, message.routing_key, message.properties)


def test_input_19_a_broker_at_an_ipv6_address_is_connected_to(scenario, tmp_path):
    port = urlsplit(scenario.stack.record["amqp_url"]).port
    with at_ipv6(port) as elsewhere:
        done = bridge(scenario, f"amqp://guest:guest@[::1]:{elsewhere}/%2f")
        assert done.returncode == 0, done.stdout + done.stderr
    done = bridge(scenario, f"amqp://guest:guest@[::1]:{elsewhere}/%2f")
    assert done.returncode != 0 and f"[::1]:{elsewhere}" in done.stdout + done.stderr, "nobody is there any more"
    certificate = self_signed(tmp_path)
    with at_ipv6(port, certificate) as elsewhere:
        done = bridge(scenario, f"amqps://guest:guest@[::1]:{elsewhere}/%2f", SSL_CERT_FILE=str(certificate))
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_cli_refuses_plain_text_outside_the_local_cloud(scenario):
    env = {**scenario.stack.env(), "FOZ_AMQP_URL": "amqp://someone:hush-hush@127.0.0.1:1/%2f"}
    env.pop("FOZ_LOCAL")
    done = subprocess.run([scenario.stack.binary("foz"), "status"], env=env, capture_output=True, text=True, check=False)
    assert "FOZ_AMQP_URL must begin with amqps://" in done.stdout + done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_input_4_a_bridge_whose_password_was_changed_ends_and_says_why(scenario):
    stack = scenario.stack
    stack.kill("bridge")
    management = Management(stack.record["management_url"])
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    management.make_user("foz", "old", everything)
    url = stack.record["amqp_url"].replace("guest:guest@", "foz:old@")
    running = stack.start_bridge("bridge-4", {"FOZ_AMQP_URL": url, "FOZ_MANAGEMENT_URL": ""})
    log = Path(running.log)
    wait_for("the bridge to hold the group", lambda: "holding the group" in log.read_text(errors="replace"), 30)
    management.make_user("foz", "new", everything)
    wait_for("the broker to know the bridge's connections, and to cut them", lambda: cut(management) or "the reign failed" in log.read_text(), 60)
    began = time.monotonic()
    wait_for("the bridge to end", lambda: not running.alive(), 60)
    assert time.monotonic() - began < 60
    text = log.read_text(errors="replace")
    assert "the broker refuses the user foz: ACCESS_REFUSED" in text and "another one may know a new password" in text
    assert text.count("ACCESS_REFUSED - Login was refused") == text.count("the broker refuses the user foz"), "each error once in its line"
    stack.restart("bridge")
    scenario.publish([good(scenario, "shelves", 9_999)])
    scenario.wait_until_idle()


def cut(management):
    with suppress(HTTPError):  # for a connection that is gone already
        management.cut_connections()


def good(scenario, stream, number):
    rows = {
        "shelves": {"shelf": f"s{number}", "floor": number % 7},
        "boxes": {"box": f"b{number}", "shelf": f"s{number}"},
        "labels": {"label": f"l{number}", "box": f"b{number}"},
    }
    row = rows[stream]
    more = {"weight": None, "seen": None} if stream == "boxes" else {}
    return scenario.message(stream, row, key=(next(iter(row.values())),), row=row | more)


def poison(scenario, client, name, given):
    """Publishes a box with these properties, and expects its row. Returns the body, and the properties that the broker passes on."""
    message_id = given["message_id"] + name.encode()
    given = given | {"delivery_mode": 2, "message_id": message_id}
    encoded = properties(**given)
    body = b'{"box": "poison %s", "shelf": "s"}' % name.encode()
    client.publish(b"", b"boxes.state", encoded, body)
    row = {"box": f"poison {name}", "shelf": "s", "weight": None, "seen": None}
    shown = message_id.decode() if published.is_text(message_id) else message_id.hex()
    scenario.expected["boxes"].add(Effect(shown, "upsert", (row["box"],), row, None))
    scenario.published["boxes"] += 1
    return body, properties(**given | {"headers": ONCE}) if FOUR and given.get("headers") == 2 * ONCE else encoded


def raw(scenario, stream):
    """The rows of a stream's raw objects, in order."""
    batches = [batch for batch in scenario.lake.batches("boxes") if batch["stream"] == stream]
    return [row for batch in batches for row in scenario.lake.raw(batch["raw_key"]).to_pylist()]


def told(row):
    """What a row says of the message, without body, digest and what the bridge adds."""
    without = {"index", "body", "oversize_key", "digest", "ingested_at"}
    found = {name: value for name, value in row.items() if name not in without and value is not None}
    if "published_at" in found:
        found["published_at"] = int(found["published_at"].timestamp())
    found["headers"] = [(name, (value["type"], value["value"])) for name, value in row["headers"]]
    return found


@contextmanager
def at_ipv6(port, certificate=None):
    """Has the broker at 127.0.0.1 answer at ::1 too, with TLS if there is a certificate. Yields the port there."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

    async def copy(source, target):
        with suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.close()

    async def relay(reader, writer):
        to_read, to_write = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, to_write), copy(to_read, writer))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(relay, "::1", 0, ssl=tls))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def self_signed(folder):
    """A certificate for ::1, with its key, in one file."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=broker"]
    command += ["-addext", "subjectAltName=IP:::1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate


def bridge(scenario, url, **env):
    env |= {**scenario.stack.env("bridge"), "FOZ_AMQP_URL": url, "FOZ_MANAGEMENT_URL": ""}
    command = [str(scenario.stack.binary("bridge")), "--check"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
