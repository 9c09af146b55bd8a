"""What Terraform tells a function is what its code asks for, and what ARCHITECTURE.md says of both."""

import re

import pytest

from tests.infra.local import Local
from tests.stack.binaries import FUNCTIONS
from tests.stack.run import ROOT

READ = re.compile(r"""vars\s*\.\s*(required|optional|flag)(?:::<[^>]*>)?\(\s*"(FOZ_\w+)\"""")
# `Lake::read` and `memory_limit` of the shared settings, and what every process reads beside its settings.
SHARED = {"Lake::read(": "pub fn read(vars", "memory_limit(": "pub fn memory_limit("}
EVERYBODY = {"FOZ_LOCAL", "FOZ_FAIL_POINTS", "FOZ_LOG"}


def asked_for(function: str) -> dict[str, str]:
    """Variable → `required`, `optional` or `flag`, as the function's code reads them."""
    code = (ROOT / f"functions/{function}/src/main.rs").read_text()
    settings = (ROOT / "shared/lambda/src/settings.rs").read_text().split("#[cfg(test)]")[0]
    parts = [code]
    for call, beginning in SHARED.items():
        if call in code:
            body = settings[settings.index(beginning) :]
            parts.append(body[: body.index("\n}") if not beginning.startswith("pub fn read") else body.index("\n    }")])
    return {name: how for part in parts for how, name in READ.findall(part)}


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
