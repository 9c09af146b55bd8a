"""Documents name files, headings and commands that are there."""

import re

import pytest

from scripts.environment import ROOT

FOLDERS = (".", "docs", "functions/*", "infra", "infra/modules/*", "tests/*")
DOCUMENTS = sorted(document for folder in FOLDERS for document in ROOT.glob(f"{folder}/*.md"))


def anchors(text: str) -> set[str]:
    """Headings as links name them."""
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^):]+)\)", document.read_text()):
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def test_every_engine_says_how_and_what_does_not_work():
    sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", (ROOT / "docs/query.md").read_text(), re.M | re.S))
    for engine in ("Athena", "Redshift", "Spark: EMR, Glue jobs, elsewhere", "Hive", "SageMaker", "Power BI", "Tableau"):
        assert "**Does not work:**" in sections[engine], engine
        assert "```" in sections[engine] or "|---|" in sections[engine], engine
