"""What Terraform tells a function is what its code asks for, and what ARCHITECTURE.md says of both."""

import re

import pytest

from scripts.environment import ROOT
from tests.infra.local import Local
from tests.stack.binaries import FUNCTIONS

READ = re.compile(r"""vars\s*\.\s*(required|optional|flag)(?:::<[^>]*>)?\(\s*env::(\w+)\.name""")
# Settings that several processes share: how the code names them, where they are, how the function that reads them begins.
SHARED = {
    "Lake::read": ("shared/edge/src/settings.rs", "    pub fn read(vars"),
    "memory_limit": ("shared/edge/src/settings.rs", "pub fn memory_limit(vars"),
    "Settings::read": ("shared/attempt/src/bench.rs", "    pub fn read(vars"),
}
# What every process reads beside its settings.
EVERYBODY = {"FOZ_LOCAL", "FOZ_FAIL_POINTS", "FOZ_LOG"}


def asked_for(function: str) -> dict[str, str]:
    """Variable → `required`, `optional` or `flag`, as the function's code reads them."""
    text = (ROOT / f"functions/{function}/src/main.rs").read_text()
    left = dict(SHARED)
    while named := [name for name in left if name in text]:
        text += body(*left.pop(named[0]))
    return {f"FOZ_{name}": how for how, name in READ.findall(text)}


def body(file: str, beginning: str) -> str:
    """A function's text, from its line to the brace that closes it."""
    text = (ROOT / file).read_text()
    indentation = len(beginning) - len(beginning.lstrip())
    return text[text.index(beginning) :].split("\n" + " " * indentation + "}\n")[0]


def documented() -> dict[str, set[str]]:
    """Variable → the processes that ARCHITECTURE.md names for it."""
    table = (ROOT / "ARCHITECTURE.md").read_text().split("### Environment of every process")[1].split("\n### ")[0]
    found: dict[str, set[str]] = {}
    for names, who in re.findall(r"^\| (`FOZ_.*?) \| (.*?) \|", table, re.M):
        for name in re.findall(r"`(FOZ_\w+)`", names):
            found[name] = {"ingest", "dispatch", "transform", "consolidate", "bridge", "foz"} if who.startswith("all") else set(re.findall(r"\w+", who))
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_told_what_its_code_asks_for(local: Local, function: str) -> None:
    asked = asked_for(function)
    configuration = local.client("lambda").get_function_configuration(FunctionName=local.outputs["functions"][function])
    told = set(configuration["Environment"]["Variables"])
    assert {name for name, how in asked.items() if how == "required"} <= told, "not told"
    assert told <= set(asked), "told in vain"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_documentation_names_what_a_function_reads(function: str) -> None:
    asked, table = set(asked_for(function)), documented()
    assert asked <= {name for name, who in table.items() if function in who}
    assert {name for name, who in table.items() if function in who} <= asked | EVERYBODY
