"""What Terraform tells a function is what its program asks for, and what docs/environment.md says of it."""

import re
import subprocess
from functools import cache

import pytest

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
