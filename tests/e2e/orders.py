"""Customers and orders: an order names a customer that was confirmed before the order was published."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.e2e.scenario import Scenario
from tests.publisher import Message
from tests.readers.watcher import References, parse_json

STREAMS = ("customers", "orders")
VERSIONED = ("orders",)
REFERENCES = References(
    "orders", "customers", {"customer": "customers"}, parse_json({"customers": "id", "orders": "id"}, {"orders": {"customer": "customer"}})
)
STATUS = ("placed", "paid", "packed", "shipped", "delivered")


def scenario(stack) -> Scenario:
    """A scenario on a stack with `pipelines/orders.yaml`."""
    return Scenario(stack, STREAMS, VERSIONED)


def story(scenario: Scenario, who: str, orders: int, seed: int = 1) -> list[Message]:
    """`orders` orders, each by a new customer, each told in one to five states, some out of order, some erased, some of these told again."""
    return list(_story(scenario, who, orders, random.Random(f"{who}-{seed}")))


def _story(scenario: Scenario, who: str, orders: int, choose: random.Random) -> Iterator[Message]:
    customers = 0
    for number in range(orders):
        customer, order = f"{who}-c{number}", f"{who}-o{number}"
        yield customer_message(scenario, customer, tier=0)
        customers += 1
        needs = (("customers.state", customers),)
        revisions = list(range(choose.randrange(1, 6)))
        if choose.random() < 0.2:
            choose.shuffle(revisions)
        for revision in revisions:
            yield _order(scenario, order, customer, STATUS[revision], revision, needs)
        if choose.random() < 0.15:
            yield _order(scenario, order, customer, "erased", 10, needs)
            if choose.random() < 0.5:
                yield _order(scenario, order, customer, "placed", choose.choice((5, 11)), needs)
        if choose.random() < 0.2:
            yield customer_message(scenario, f"{who}-c{choose.randrange(number + 1)}", tier=choose.randrange(1, 4))
            customers += 1


def customer_message(scenario: Scenario, name: str, tier: int) -> Message:
    """A state of a customer, expected in the tables once it is published."""
    row = {"id": name, "name": f"Customer {name}", "tier": tier}
    return scenario.message("customers", row, key=(name,), row=row)


def _order(scenario: Scenario, name: str, customer: str, status: str, revision: int, needs: tuple) -> Message:
    cents = 100 * revision + 7
    body = {"id": name, "customer": customer, "status": status, "revision": revision, "cents": cents}
    row = {"id": name, "customer": customer, "status": status, "revision": revision, "total": cents / 100}
    effect = "delete" if status == "erased" else "upsert"
    return scenario.message("orders", body, effect, (name,), row, version=revision, needs=needs)
