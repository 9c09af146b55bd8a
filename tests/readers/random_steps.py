"""Four readers that are not ours against the oracle after each of many random steps. `make test-readers` runs it; `make test`, which finds tests by their files' names, does not.

A step is drawn from `STEPS`; whatever changes tables in another way gets a line there.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.scenario import Scenario
from tests.e2e.test_crash import fail_points
from tests.flow import uncatalogued
from tests.oracle import differences
from tests.publisher import Message
from tests.readers.duck import Duck
from tests.readers.lake import Lake
from tests.readers.spark import Spark
from tests.readers.trino import Trino
from tests.stack import Stack
from tests.waiting import wait_for

COUNT = int(os.environ.get("FOZ_STEPS") or 200)
SEED = int(os.environ.get("FOZ_SEED") or 1)
PIPELINE = Path(__file__).with_name("pipeline.yaml")
# Rows with which the tables begin: enough that some dozen changes do not have an image write a bucket anew.
BEGIN = 400
STATUS = ("placed", "paid", "packed", "shipped", "delivered")
# What is passed on the way from the catalog to the tables by every batch.
POINTS = [point for point in fail_points() if point.split(".")[0] in ("dispatch", "transform", "consolidate")]


class Shop:
    """Customers and orders, and what may happen to them. Each message carries a text of its own."""

    def __init__(self, stack: Stack, choose: random.Random):
        self.stack, self._choose = stack, choose
        self.scenario = Scenario(stack, ("customers", "orders"), ("orders",))
        self._revisions: dict[str, int] = {}
        self._customers = 0

    def begin(self) -> Iterator[Message]:
        """As many rows as make tables to which images add."""
        for _ in range(BEGIN):
            yield from self._bought()

    def new(self) -> Iterator[Message]:
        """Customers with orders: inserts only."""
        for _ in range(self._choose.randrange(1, 20)):
            yield from self._bought()

    def change(self) -> Iterator[Message]:
        """Newer states of orders, and of customers."""
        for name in self._some(20):
            yield self._order(name, self._choose.choice(STATUS), self._revisions[name] + 1)
        for number in self._choose.sample(range(self._customers), 5):
            yield self._customer(number, self._choose.randrange(9))

    def delete(self) -> Iterator[Message]:
        """Orders that are erased."""
        for name in self._some(10):
            yield self._order(name, "erased", self._revisions[name] + 1)

    def older(self) -> Iterator[Message]:
        """States of versions that are too old to count."""
        for name in self._some(10):
            yield self._order(name, "placed", self._revisions[name] - self._choose.randrange(1, 4))

    def again(self) -> Iterator[Message]:
        """Orders that are erased, and told again at once: with the same version, which the later message wins, or the next."""
        for name in self._some(10):
            yield self._order(name, "erased", self._revisions[name] + 1)
            yield self._order(name, "placed", self._revisions[name] + self._choose.choice((0, 1)))

    def _some(self, most: int) -> list[str]:
        return self._choose.sample(sorted(self._revisions), min(most, len(self._revisions)))

    def _bought(self) -> Iterator[Message]:
        self._customers += 1
        yield self._customer(self._customers - 1, 0)
        yield self._order(f"o{self._customers - 1}", "placed", 1)

    def _customer(self, number: int, tier: int) -> Message:
        row = {"id": f"c{number}", "tier": tier, "note": self._note()}
        return self.scenario.message("customers", row, key=(row["id"],), row=row)

    def _order(self, name: str, status: str, revision: int) -> Message:
        self._revisions[name] = max(revision, self._revisions.get(name, 0))
        row = {"id": name, "customer": f"c{name[1:]}", "status": status, "revision": revision, "note": self._note()}
        return self.scenario.message("orders", row, "delete" if status == "erased" else "upsert", (name,), row, version=revision)

    def _note(self) -> str:
        return f"{self._choose.randrange(16**12):012x}"


def flow(messages: Callable[[Shop], Iterator[Message]]) -> Callable[[Shop, random.Random], None]:
    """A step in which messages flow undisturbed."""
    return lambda shop, _: shop.scenario.publish(list(messages(shop)))


def killed(shop: Shop, choose: random.Random) -> None:
    """A step in which a process dies at one of its fail points."""
    strike = shop.stack.arm(choose.choice(POINTS), "exit")
    # All is catalogued before a run begins: it has both streams.
    shop.stack.kill("pump")
    shop.scenario.publish([*shop.new(), *shop.change()])
    wait_for("all in the catalog", lambda: not uncatalogued(shop.scenario.lake, shop.scenario.published))
    shop.stack.restart("pump")
    wait_for(f"{strike.name} to be passed", lambda: not strike.exists())


FIRST = (0, "a table of some size", flow(Shop.begin))
# How often → what happens.
STEPS: list[tuple[int, str, Callable[[Shop, random.Random], None]]] = [
    (4, "new entities", flow(Shop.new)),
    (6, "changes", flow(Shop.change)),
    (3, "deletes", flow(Shop.delete)),
    (2, "older versions", flow(Shop.older)),
    (2, "re-creations", flow(Shop.again)),
    (2, "a kill", killed),
]


@pytest.fixture(scope="module")
def stack():
    with Stack(pipeline=PIPELINE) as stack:
        yield stack


@pytest.fixture(scope="module")
def readers(stack):
    """Each reader by its name. They look tables up only when they are asked."""
    lake = Lake(stack.record)
    spark = Spark(lake)
    yield {"PyIceberg": lake, "DuckDB": Duck(lake), "Spark": spark, "Trino": Trino(lake, stack.home)}
    spark.close()


def test_every_reader_gives_the_rows_of_the_oracle_after_every_step(stack, readers):
    choose = random.Random(SEED)
    shop = Shop(stack, choose)
    done = []
    for number in range(COUNT):
        _, what, step = FIRST if number == 0 else choose.choices(STEPS, [often for often, _, _ in STEPS])[0]
        done.append(what)
        step(shop, choose)
        shop.scenario.wait_until_idle()
        print(f"step {number + 1} of {COUNT}: {what}; {shape(shop.scenario.lake)}", flush=True)
        for name, reader in readers.items():
            for stream, expected in shop.scenario.expected.items():
                tables = (reader.rows(table) if shop.scenario.lake.table(table) else [] for table in names(stream))
                found = differences(stream, expected, *tables)
                assert not found, f"{name} after step {number + 1} (seed {SEED}): {found}; the last steps: {done[-5:]}"


def shape(lake: Lake) -> str:
    """Files and deleted rows of the current tables, so that one sees what the readers were given."""
    found = []
    for stream in ("customers", "orders"):
        summary = lake.table(stream).current_snapshot().summary
        found.append(f"{stream} {summary['total-data-files']} files, {summary['total-position-deletes']} deleted")
    return ", ".join(found)


def names(stream: str) -> tuple[str, str, str]:
    """The tables that a reader sees of a stream."""
    return stream, f"{stream}_changes", f"{stream}_quarantine"
