"""Who is woken at night finds an entry: for each alarm, each error type, and with commands that exist."""

import re

from scripts.environment import ROOT
from tests.infra import registry

RUNBOOK = (ROOT / "docs/runbook.md").read_text()
PARTS = ("**Means**", "**Look**", "**Do**", "**Do not**")


def entries(section: str) -> dict[str, str]:
    """The entries of a section: heading → text."""
    body = re.split(r"^## ", RUNBOOK, flags=re.M)
    [found] = [part for part in body if part.startswith(f"{section}\n")]
    pairs = re.findall(r"^### (?:Error )?`([a-z-]+)`\n(.*?)(?=^### |\Z)", found, re.M | re.S)
    assert len(pairs) == found.count("\n### "), "a heading is not understood"
    return dict(pairs)


def test_every_alarm_names_an_entry_and_every_entry_an_alarm(watched):
    named = {re.search(r"docs/runbook\.md, ([a-z-]+)\.$", alarm["AlarmDescription"]) for alarm in watched.alarms}
    assert {match[1] for match in named if match} == entries("Alarms").keys()
    assert None not in named


def test_every_error_type_has_an_entry():
    assert registry.error_types() == entries("Error types").keys()
    assert len(registry.error_types()) == 12


def test_every_entry_says_what_to_do_and_what_not():
    for name, text in (entries("Alarms") | entries("Error types")).items():
        assert [part for part in PARTS if part not in text] == [], name


def test_the_commands_exist():
    used = set(re.findall(r"(?:`|^|export |\n)foz ([a-z]+)\b", RUNBOOK))
    assert used and used <= registry.commands()
