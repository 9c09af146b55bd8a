"""python -m tests.demo [--full]: publishes the story, kills the bridge in the middle, and compares the lake with the answer.

The last line is `equal`, or what differs, and then the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from rich.console import Console

from tests.demo.data import load
from tests.demo.oracle import expected
from tests.demo.progress import GROUP, Sampler
from tests.demo.screen import Screen
from tests.demo.services import QUEUES, REFERENCES, story
from tests.flow import behind, check_catalog, check_tables
from tests.oracle import Expected
from tests.publisher import Publisher
from tests.readers.lake import Lake
from tests.readers.watcher import References, Watcher
from tests.stack import Stack

PIPELINE = Path(__file__).with_name("pipeline.yaml")
# Messages per second of the small demo: slow enough to be watched. The full one goes as fast as the broker confirms.
PACE = 600
# The bridge is killed when this share of the story is confirmed, and stays dead while this share of it is published.
KILLED_AT, DEAD_FOR = 0.45, 0.1
# Seconds without any progress after which the demo gives up.
PATIENCE = 120

QUERIES = (
    (
        "Which airline keeps you waiting longest?",
        """SELECT a.name AS airline, count(*) AS flights, round(avg(f.dep_delay), 1) AS minutes_late
           FROM flights f JOIN airlines a ON a.carrier = f.carrier
           WHERE f.status = 'arrived' GROUP BY a.name ORDER BY minutes_late DESC LIMIT 5""",
    ),
    (
        "What became of one flight? Every state is kept, also that it was purged.",
        """SELECT _sequence, _index, _op, status, local_departure, dep_delay, delay_class, updated_at
           FROM flights_changes WHERE flight_id = '{purged}' ORDER BY _sequence, _index""",
    ),
    (
        "What could not be understood, and why?",
        "SELECT _message_id, _reason, CAST(_body AS STRING) AS body FROM flights_quarantine ORDER BY _message_id LIMIT 4",
    ),
)


def parse(stream: str, body: bytes) -> tuple[tuple | None, dict[str, str | None]]:
    """For the reader: a raw message's key and what it refers to."""
    try:
        state = json.loads(body)
        key = (state[{"planes": "tailnum", "airlines": "carrier", "airports": "faa", "flights": "flightId"}[stream]],)
        return key, {column: state[column] for column in REFERENCES} if stream == "flights" else {}
    except (ValueError, KeyError, TypeError):
        return None, {}


class Demo:
    """One telling of the story on a running stack."""

    def __init__(self, stack: Stack, screen: Screen, full: bool):
        self.stack, self.screen = stack, screen
        self.lake = Lake(stack.record)
        tables = load(full)
        self.expected = expected(story(tables))
        self.published = Counter({name: len(e.history) + len(e.quarantine) for name, e in self.expected.items()})
        self.total = self.published.total()
        self.publisher = Publisher(stack.record["amqp_url"], QUEUES.values(), story(tables), pace=None if full else PACE)
        self.watcher = Watcher(self.lake, References("flights", GROUP, REFERENCES, parse), pause=5 if full else 1)
        self.sampler = Sampler(stack.record["amqp_url"], Lake(stack.record), self.publisher, self.watcher)
        self._error: Exception | None = None

    def run(self) -> list[str]:
        """Tells the story to its end; answers what differs from the expected end."""
        publishing = threading.Thread(target=self._publish, daemon=True, name="publisher")
        publishing.start()
        self.watcher.start()
        self._watch(publishing)
        self.watcher.finish()
        self.screen.show(self.sampler.sample(), final=True)
        self.screen.say("           comparing with the answer computed from the source data")
        return self.watcher.dangling + check_catalog(self.lake, self.published) + check_tables(self.lake, self.expected)

    def _publish(self) -> None:
        try:
            self.publisher.run()
        except Exception as error:  # told by the main thread
            self._error = error

    def _watch(self, publishing: threading.Thread) -> None:
        """Shows progress until everything is in the tables; kills the bridge on the way."""
        seen, moved, killed, restarted = None, time.monotonic(), False, False
        while True:
            now = self.sampler.sample()
            self.screen.show(now)
            if self._error:
                raise self._error
            if self.watcher.error:
                raise self.watcher.error
            share = now.total.confirmed / self.total
            if not killed and share >= KILLED_AT:
                self.stack.kill("bridge")
                killed, self.sampler.bridge = True, "killed (-9)"
                self.screen.say("           the bridge is killed (kill -9) in mid-flow; the services go on publishing")
            elif killed and not restarted and share >= KILLED_AT + DEAD_FOR:
                self.stack.restart("bridge")
                restarted, self.sampler.bridge = True, "running"
                self.screen.say("           the bridge is started again")
            if restarted and not publishing.is_alive() and not behind(self.lake, self.published):
                return
            if (now.streams, now.watermarks) != seen:
                seen, moved = (now.streams, now.watermarks), time.monotonic()
            elif time.monotonic() - moved > PATIENCE:
                raise TimeoutError(f"nothing moved for {PATIENCE} s: {behind(self.lake, self.published)}")
            time.sleep(0.3)


def report(console: Console, demo: Demo, took: float) -> None:
    """What went through, and three questions answered by the lake."""
    total = demo.sampler.sample().total
    console.print(
        f"\n{total.confirmed:,} published · {total.catalogued:,} catalogued · {total.quarantined:,} quarantined · "
        f"{total.history:,} rows of history · {total.current:,} rows of current state · {took:.0f} s\n",
        style="bold",
        soft_wrap=True,
    )
    purged = _purged_and_recreated(demo.expected["flights"])
    for question, sql in QUERIES:
        console.print(question)
        done = demo.stack.foz("query", sql.format(purged=purged))
        console.print(done.stdout.rstrip() if done.returncode == 0 else f"foz query failed: {done.stderr}", markup=False, soft_wrap=True)
        console.print()


def _purged_and_recreated(flights: Expected) -> str:
    """A flight with much to tell."""
    purged = (e.key for e in flights.history.values() if e.op == "delete")
    return next((key[0] for key in purged if key in flights.current), "")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make demo", description=__doc__.split("\n\n")[0])
    arguments.add_argument("--full", action="store_true", help="the whole year: about a million messages")
    full = arguments.parse_args().full
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    days = "in 2013" if full else "from 7 to 10 February 2013"
    with Stack(pipeline=PIPELINE) as stack:
        began = time.monotonic()
        with Screen(f"Foz: the flights that left New York {days}", console) as screen:
            demo = Demo(stack, screen, full)
            wrong = demo.run()
        report(console, demo, time.monotonic() - began)
    for sentence in wrong:
        console.print(sentence, style="red", markup=False, soft_wrap=True)
    console.print("different" if wrong else "equal", style="bold red" if wrong else "bold green")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
