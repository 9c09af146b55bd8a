"""Case 32: a wrong `pipeline.yaml` gets one message for each mistake, with its place and what to write instead."""

import os
import subprocess

import pytest

from tests.stack import binary

GOOD = """\
lake: shop
broker: { secret: foz/broker, vhost: / }
streams:
  customers:
    queue: customers.state
    key: [id]
    columns: { id: string, name: string }
  orders:
    queue: orders.state
    key: [id]
    references: { customer: customers }
    columns: { id: string, customer: string, total: double }
    transform: orders.sql
"""
SQL = "SELECT id, customer, total FROM messages"

WRONG = {
    "unknown key": (("queue: orders.state", "queue: orders.state\n    colour: red"), None, "10:5", "colour"),
    "wrong type": (("total: double", "total: doubel"), None, "12:", "double"),
    "two streams on one queue": (("orders.state", "customers.state"), None, "9:", "customers.state"),
    "references in a cycle": (
        ("columns: { id: string, name: string }", "references: { name: orders }\n    columns: { id: string, name: string }"),
        None,
        ":",
        "cycle",
    ),
    "reference to an unknown stream": (("customer: customers }", "customer: custommers }"), None, "11:", "customers"),
    "reference from an unknown column": (("{ customer: customers }", "{ client: customers }"), None, "11:", "client"),
    "key not among columns": (("key: [id]\n    references", "key: [number]\n    references"), None, "10:", "number"),
    "SQL that does not parse": (None, "SELEC id FROM messages", "13:16", ""),
    "SQL with an unknown column": (None, "SELECT id, customer, totl FROM messages", "13:16", "totl"),
    "SQL with an aggregate": (None, "SELECT id, customer, sum(total) AS total FROM messages GROUP BY id, customer", "13:16", ""),
    "SQL with a window": (None, "SELECT id, customer, row_number() OVER () AS n FROM messages", "13:16", ""),
    "SQL with a join": (None, "SELECT a.id, a.customer FROM messages a JOIN messages b ON a.id = b.id", "13:16", ""),
    "SQL without the key": (None, "SELECT customer, total FROM messages", "13:16", "id"),
}


def check(folder, yaml, sql):
    """`foz check` on a definition."""
    (folder / "pipeline.yaml").write_text(yaml)
    (folder / "orders.sql").write_text(sql)
    command = [str(binary("foz")), "check", str(folder / "pipeline.yaml")]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, timeout=30)


def test_a_right_definition_passes(tmp_path):
    done = check(tmp_path, GOOD, SQL)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mistake", WRONG)
def test_case_32(tmp_path, mistake):
    change, sql, place, named = WRONG[mistake]
    yaml = GOOD.replace(*change) if change else GOOD
    assert change is None or yaml != GOOD
    done = check(tmp_path, yaml, sql or SQL)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert place in said and named in said, said
    assert "panicked" not in said


def test_case_32_all_mistakes_at_once(tmp_path):
    yaml = GOOD.replace("total: double", "total: doubel").replace("customer: customers }", "customer: custommers }")
    said = check(tmp_path, yaml.replace("lake: shop", "lake: shop\nfoo: 1"), SQL)
    text = said.stdout + said.stderr
    assert all(word in text for word in ("doubel", "custommers", "foo")), text
