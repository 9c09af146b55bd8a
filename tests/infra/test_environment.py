"""What Terraform tells a function is what its program asks for, and what ARCHITECTURE.md says of both."""

import re
import subprocess
from functools import cache

import pytest

from scripts.environment import ROOT
from tests.infra import registry
from tests.infra.local import Local
from tests.stack import binaries
from tests.stack.binaries import FUNCTIONS

COMPLAINT = re.compile(r"\b(FOZ_\w+) (is not set|cannot be read|must be)")
# Read by every program before its settings; no value is wrong.
SILENT = {"FOZ_FAIL_POINTS", "FOZ_LOG"}


@cache
def asked_for(function: str) -> dict[str, bool]:
    """Variable → whether it must be set: what the program finds wrong where everything that has a default is nonsense, and
    all else is absent."""
    optional = {name for name, told in registry.read()["variables"].items() if told["need"] != "required"}
    nonsense = {name: "?" for name in optional}
    said = subprocess.run([binaries.binary(function)], env=nonsense, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode != 0
    return {name: wrong == "is not set" for name, wrong in COMPLAINT.findall(said.stdout + said.stderr)}


def documented() -> dict[str, set[str]]:
    """Variable → the processes that ARCHITECTURE.md names for it."""
    table = (ROOT / "ARCHITECTURE.md").read_text().split("### Environment of every process")[1].split("\n### ")[0]
    found: dict[str, set[str]] = {}
    for names, who in re.findall(r"^\| (`FOZ_.*?) \| (.*?) \|", table, re.M):
        for name in re.findall(r"`(FOZ_\w+)`", names):
            found[name] = {"bridge", "foz", *FUNCTIONS} if who.startswith("all") else set(re.findall(r"\w+", who))
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_told_what_its_program_asks_for(local: Local, function: str) -> None:
    asked = asked_for(function)
    configuration = local.client("lambda").get_function_configuration(FunctionName=local.outputs["functions"][function])
    told = set(configuration["Environment"]["Variables"])
    assert {name for name, needed in asked.items() if needed} <= told, "not told"
    assert told <= set(asked), "told in vain"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_registry_names_what_a_program_reads(function: str) -> None:
    registered = registry.variables(function)
    assert registered.keys() - SILENT == asked_for(function).keys()
    assert {name for name, need in registered.items() if need == "required"} == {name for name, needed in asked_for(function).items() if needed}


@pytest.mark.parametrize("program", [*FUNCTIONS, "bridge", "foz"])
def test_the_documentation_names_what_a_program_reads(program: str) -> None:
    assert {name for name, who in documented().items() if program in who} == registry.variables(program).keys()
