"""A broker with an alarm blocks publishers, markers among them, and serves consumers: what is in its queues must flow all the same.
And a broker that serves another consumer first, or deletes what the bridge holds."""

import json
import signal
import subprocess
import threading
import time
import urllib.error
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
# The greatest there is, as the bridge's: to RabbitMQ 4 a consumer with a lower one would not be in front.
PRIORITY = 2**31 - 1
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
        wait_for("the metric", lambda: told(stack, "bridge-behind", "Strangers")[-1:] == [1.0], SOON, seen=lambda: told(stack, "bridge-behind", "Strangers"))
        assert len(stranger.taken) < 10, "few markers go to strangers"
        assert "somebody beside the bridge consumes trucks.state" in stack.foz("status").stdout
        stack.kill("bridge-behind")
        drain = subprocess.run([stack.binary("bridge"), "--drain"], env=stack.env("bridge"), capture_output=True, text=True, timeout=2 * SOON, check=False)
        assert drain.returncode == 1
        assert "another consumer is served first" in drain.stdout + drain.stderr
    finally:
        stranger.leave()
    before = len(stack.log("bridge"))
    stack.start_bridge()
    scenario.publish(story(scenario, "alone-again", 5))
    scenario.assert_equal(killed=True)
    wait_for("the metric to be calm", lambda: told(stack, "bridge", "Strangers", before)[-1:] == [0.0], SOON)


def test_input_5_another_consumer_that_waits_behind_the_bridge_is_told_too(scenario):
    stack, before = scenario.stack, len(scenario.stack.log("bridge"))
    stranger = Stranger(stack.record["amqp_url"], "trucks.state")
    try:
        wait_for("the metric", lambda: told(stack, "bridge", "Strangers", before)[-1:] == [1.0], SOON)
        scenario.publish(story(scenario, "before a stranger", 5))
        scenario.assert_equal(killed=True)
        assert not stranger.taken
    finally:
        stranger.leave()
    wait_for("the metric to be calm", lambda: told(stack, "bridge", "Strangers", before)[-1:] == [0.0], SOON)


def test_a_lock_outlives_a_policy_that_deletes_what_nobody_uses_and_comes_again_if_it_is_deleted(scenario):
    stack, management = scenario.stack, Management(scenario.stack.record["management_url"])
    lock, before = "foz.flights.depots.lock", len(stack.log("bridge"))
    wait_for("the bridge to hold the group", lambda: there(management, lock))
    management.set_policy("unused", "^foz[.]", {"expires": 10_000})
    try:
        wait_for("the policy to hold", lambda: management.queue(lock).get("policy") == "unused", seen=lambda: management.queue(lock))
        end = time.monotonic() + 15
        # By the management, as a look by AMQP counts as a use.
        wait_for("more than the policy's time", lambda: not there(management, lock) or time.monotonic() > end)
        assert there(management, lock)
    finally:
        management.delete_policy("unused")
    assert "has deleted the group's lock" not in stack.log("bridge", before)
    stack.rabbitmqctl("delete_queue", lock)
    wait_for("it to be said", lambda: "has deleted the group's lock" in stack.log("bridge", before), SOON)
    wait_for("the lock to be there again", lambda: there(management, lock), SOON)
    scenario.publish(story(scenario, "locked again", 5))
    scenario.assert_equal(killed=True)


def there(management: Management, queue: str) -> bool:
    """Whether there is such a queue."""
    try:
        return bool(management.queue(queue))
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return False


def told(stack: Stack, log: str, metric: str, since: int = 0) -> list[float]:
    """The values of a metric that a bridge told, after its log was that long."""
    lines = [json.loads(line) for line in stack.log(log, since).split("\n")[:-1] if f'"{metric}":' in line and line.startswith("{")]
    return [line[metric] for line in lines]


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
        channel.basic_consume(queue, lambda _channel, _method, _properties, body: self.taken.append(body), auto_ack=True, arguments={"x-priority": PRIORITY})
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
