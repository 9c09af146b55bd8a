#!/usr/bin/env python3
"""One word, one meaning: fails if two public types of the workspace share a name, or if a word of docs/words.md names no type."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import workspace  # noqa: E402
from scripts.environment import ROOT  # noqa: E402

# Names that may stand in several places, each with its reason.
EXCEPTIONS: dict[str, str] = {}
PUBLIC = re.compile(r"^\s*pub (?:struct|enum|trait|type|union) (\w+)", re.M)
# `number! { /// … Name }`, `text_id! { /// … Name, … }`: a macro that declares a type.
BY_MACRO = re.compile(r"^\w+! \{(?:\s*///.*\n)+\s*([A-Z]\w+)\s*[,}]", re.M)
ANY = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type|union) (\w+)", re.M)
WORDS = ROOT / "docs/words.md"
# A row of its table: the word, the types that are it, what it means.
ROW = re.compile(r"^\| *([^|]+?) *\| *([^|]*?) *\| *([^|]+?) *\|$", re.M)


def declared(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """Name of a type → the files that declare one of it."""
    found: dict[str, list[str]] = {}
    for package in workspace.metadata()["packages"]:
        for path in workspace.sources(package, "src"):
            text = path.read_text()
            for name in pattern.findall(text) + BY_MACRO.findall(text):
                found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return found


def ambiguous(places: dict[str, list[str]]) -> list[str]:
    """One sentence for each name that means several things, and for each exception that is none any more."""
    shared = {name: files for name, files in places.items() if len(files) > 1}
    found = [f"{name} is declared in {', '.join(files)}: give each its own name" for name, files in sorted(shared.items()) if name not in EXCEPTIONS]
    return found + [f"{name} is unique: take it out of EXCEPTIONS" for name in sorted(EXCEPTIONS.keys() - shared.keys())]


def undefined(text: str, types: dict[str, list[str]]) -> list[str]:
    """One sentence for each row of the table that names no type, or one that there is not."""
    rows = [row for row in ROW.findall(text) if row[0] != "word" and not set(row[0]) <= set("-: ")]
    found = [] if rows else ["docs/words.md has no table of words"]
    for word, named, _meaning in rows:
        names = re.findall(r"`(?:\w+::)*(\w+)(?:<[^`]*>)?`", named)
        found += [] if names else [f"docs/words.md: {word} names no type"]
        found += [f"docs/words.md: {word} names the type {name}, which is nowhere" for name in names if name not in types]
    return found


def main() -> None:
    public, types = declared(PUBLIC), declared(ANY)
    wrong = ambiguous(public) + undefined(WORDS.read_text(), types)
    for sentence in wrong:
        print(f"words: {sentence}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"words: {len(public)} public types, {len(EXCEPTIONS)} names shared")


if __name__ == "__main__":
    main()
