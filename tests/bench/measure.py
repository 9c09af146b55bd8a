"""The measurements. Each takes a running stack and gives numbers; none asserts anything."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pika

from tests.bench.payload import SIZE, bodies
from tests.management import Management
from tests.publisher import Message, Publisher
from tests.readers.lake import Lake
from tests.stack import Stack
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Latency:
    """Seconds from a confirmed publish to a row in the current table."""

    samples: int
    median: float
    p95: float


@dataclass(frozen=True)
class Throughput:
    """A queue of messages of one kilobyte drained."""

    what: str
    messages: int
    seconds: float

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds

    @property
    def megabytes(self) -> float:
        """MB (10⁶ bytes of body) per second."""
        return self.rate * SIZE / 1e6


def latency(stack: Stack, lake: Lake, probes: int) -> Latency:
    """Publishes one message after the other, each at a different moment of the pipeline's rhythm."""
    seen: dict[int, float] = {}
    stop = threading.Event()

    def watch() -> None:
        last = None
        while not stop.is_set():
            location = lake.counts().get("probes") and lake.metadata_location("probes")
            if location and location != last:
                rows, last = lake.arrow("probes", ["id"]), location
                now = time.monotonic()
                for number in rows["id"].to_pylist():
                    seen.setdefault(number, now)
            stop.wait(0.02)

    channel = pika.BlockingConnection(pika.URLParameters(stack.record["amqp_url"])).channel()
    channel.confirm_delivery()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    published = {}
    # The first message makes the tables and is not counted.
    for number in range(probes + 1):
        channel.basic_publish("", "probes.state", json.dumps({"id": number, "text": f"probe {number}"}).encode())
        published[number] = time.monotonic()
        if number == 0:
            wait_for("the first probe", lambda: 0 in seen)
        else:
            stop.wait(0.31)  # no multiple of the pipeline's periods
    wait_for("the last probe", lambda: len(seen) > probes)
    stop.set()
    watcher.join()
    took = sorted(seen[number] - published[number] for number in range(1, probes + 1))
    return Latency(probes, statistics.median(took), took[int(0.95 * (probes - 1))])


def preload(stack: Stack, queue: str, count: int) -> None:
    """Fills a queue that has no consumer."""
    messages = (Message(queue, body, str(number)) for number, body in enumerate(bodies(count)))
    Publisher(stack.record["amqp_url"], [queue], messages).run()


def twin(stack: Stack, queue: str, of: str) -> None:
    """Declares a queue with the same arguments as another one."""
    arguments = Management(stack.record["management_url"]).queue(of)["arguments"]
    channel = pika.BlockingConnection(pika.URLParameters(stack.record["amqp_url"])).channel()
    channel.queue_declare(queue, durable=True, arguments=arguments)
    channel.connection.close()


def foz(stack: Stack, lake: Lake, count: int) -> tuple[Throughput, Throughput, dict[str, float]]:
    """Bridge and ingest with a full queue waiting (raw and catalogued); then the rest of the way; peak memory in MB."""
    stack.kill("bridge")
    # Dispatch gets no hints meanwhile: the yardsticks do not transform either.
    stack.kill("pump")
    preload(stack, "orders.state", count)
    stack.restart("bridge")
    catalogued = lambda: int(lake.heads().get("orders", {}).get("messages", 0))
    wait_for("the first batch", catalogued)
    began, first = time.monotonic(), catalogued()
    wait_for("everything catalogued", lambda: catalogued() >= count, 600)
    raw = Throughput("foz: raw and catalogued", count - first, time.monotonic() - began)
    memory = {name: peak(stack.pid(name)) for name in ("bridge", "ingest")}
    began = time.monotonic()
    stack.restart("pump")
    wait_for("everything in the tables", lambda: imaged(lake, "orders"), 900)
    tables = Throughput("foz: raw to tables", count, time.monotonic() - began)
    for name in ("transform", "consolidate"):
        memory[name] = peak(stack.pid(name))
    return raw, tables, memory


def imaged(lake: Lake, group: str) -> bool:
    """Whether the group's tables include everything that is catalogued."""
    w = lake.watermarks(group)
    return w.next_sequence == w.done == w.imaged


def peak(pid: int) -> float:
    """The most memory that a process ever held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024 / 1e6


def bare(stack: Stack, count: int) -> Throughput:
    """A consumer that only acknowledges."""
    twin(stack, "bench.bare", of="orders.state")
    preload(stack, "bench.bare", count)
    program = stack.binary("examples/bare_consumer")
    return _timed("bare consumer", [program, stack.record["amqp_url"], "bench.bare", str(count)], count)


def plain(stack: Stack, count: int) -> Throughput:
    """The yardstick in Python: pika, gzip and boto3."""
    twin(stack, "bench.plain", of="orders.state")
    preload(stack, "bench.plain", count)
    r = stack.record
    script = [sys.executable, "-m", "tests.bench.plain", r["amqp_url"], "bench.plain", str(count)]
    return _timed("pika + boto3 script", [*script, r["aws_endpoint_url"], r["region"], r["bucket"]], count)


def _timed(what: str, command: list, count: int) -> Throughput:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, cwd=ROOT)
    return Throughput(what, count, float(done.stdout))
