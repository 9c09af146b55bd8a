"""A broker with an alarm blocks publishers, markers among them, and serves consumers: what is in its queues must flow all the same.
And a broker that serves another consumer first."""

import signal
import subprocess
import threading
from pathlib import Path

import pika
import pytest

from tests.e2e.scenario import Scenario
from tests.management import Management
from tests.stack import Stack
from tests.waiting import wait_for

STREAMS = ("depots", "trucks", "trips")
ALARMS = {
    "memory": (["set_vm_memory_high_watermark", "0.0001"], ["set_vm_memory_high_watermark", "0.3"]),
    "disk": (["set_disk_free_limit", "100000GB"], ["set_disk_free_limit", "100MB"]),
}
# Promised of whatever is wrong at the broker: that it flows, or is said, within a minute.
SOON = 60


@pytest.fixture(scope="module")
def scenario():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "chain.yaml") as stack:
        yield Scenario(stack, STREAMS)


def story(scenario, who, number):
    """Depots, trucks and trips, each confirmed before what names it is published."""
    for n in range(number):
        depot, truck, trip = ({"id": f"{who}-{n}"} for _ in STREAMS)
        truck["depot"] = trip["truck"] = f"{who}-{n}"
        for stream, row in zip(STREAMS, (depot, truck, trip), strict=True):
            yield scenario.message(stream, row, key=(row["id"],), row=row)


def held(scenario) -> dict[str, int]:
    """By stream, the messages that a consumer holds."""
    management = Management(scenario.stack.record["management_url"])
    return {stream: management.queue(f"{stream}.state").get("messages_unacknowledged", 0) for stream in STREAMS}


@pytest.mark.parametrize("alarm", ALARMS)
def test_input_6_redelivered_and_new_messages_flow_during_an_alarm(scenario, alarm):
    """Protocol 12: neither aligning nor references wait for the alarm to end."""
    stack, (begin, end) = scenario.stack, ALARMS[alarm]
    stack.kill("lambda_host")  # what is delivered cannot be committed
    scenario.publish(story(scenario, f"{alarm}-redelivered", 20))
    wait_for("all to be delivered", lambda: min(held(scenario).values()) >= 20, seen=lambda: held(scenario))
    stack.kill("bridge")
    scenario.publish(story(scenario, f"{alarm}-new", 20))
    stack.restart("lambda_host")
    before = len(stack.log("bridge"))
    stack.rabbitmqctl(*begin)
    try:
        stack.start_bridge()
        scenario.wait_until_idle(SOON)
        blocked = "the broker blocks publishing" in stack.log("bridge", before)
    finally:
        stack.rabbitmqctl(*end)
    assert blocked, "there was an alarm"
    scenario.assert_equal(killed=True)


def test_input_5_another_consumer_in_front_is_said_within_a_minute(scenario):
    stack = scenario.stack
    before = len(stack.log("bridge"))
    stack.kill("bridge", signal.SIGTERM)
    wait_for("the bridge to end", lambda: not stack.alive("bridge"))
    assert "stopped, and nothing is on its way" in stack.log("bridge", before)
    stranger = Stranger(stack.record["amqp_url"], "trucks.state")

    try:
        stack.start_bridge("bridge-behind")
        wait_for("it to be said", lambda: "another consumer is served first" in stack.log("bridge-behind"), SOON)
        assert len(stranger.taken) < 10, "few markers go to strangers"
        stack.kill("bridge-behind")
        drain = subprocess.run([stack.binary("bridge"), "--drain"], env=stack.env("bridge"), capture_output=True, text=True, timeout=2 * SOON, check=False)
        assert drain.returncode == 1
        assert "another consumer is served first" in drain.stdout + drain.stderr
    finally:
        stranger.leave()
    stack.start_bridge()
    scenario.publish(story(scenario, "alone-again", 5))
    scenario.assert_equal(killed=True)


def test_what_a_deleted_queue_had_delivered_is_catalogued(scenario):
    stack = scenario.stack
    scenario.wait_until_idle()
    stack.kill("lambda_host")
    scenario.publish(story(scenario, "orphans", 5))
    wait_for("all to be delivered", lambda: min(held(scenario).values()) >= 5, seen=lambda: held(scenario))
    before = len(stack.log("bridge"))
    pika.BlockingConnection(pika.URLParameters(stack.record["amqp_url"])).channel().queue_delete("trips.state")
    wait_for("it to be said", lambda: "the queue is gone" in stack.log("bridge", before), SOON)
    stack.restart("lambda_host")
    scenario.wait_until_idle(SOON)
    assert stack.foz("queues", "--apply").returncode == 0
    scenario.publish(story(scenario, "made again", 5))
    scenario.assert_equal(killed=True)


class Stranger:
    """A consumer of its own kind, which acknowledges whatever comes."""

    def __init__(self, url: str, queue: str):
        self.taken: list[bytes] = []
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = self._connection.channel()
        channel.basic_consume(queue, lambda _channel, _method, _properties, body: self.taken.append(body), auto_ack=True)
        self._leaving = False
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self._thread.start()

    def _stay(self) -> None:
        while not self._leaving:
            self._connection.process_data_events(time_limit=0.2)
        self._connection.close()

    def leave(self) -> None:
        """Ends its connection."""
        self._leaving = True
        self._thread.join()
