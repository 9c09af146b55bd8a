#!/usr/bin/env python3
"""Fails when files of a crate need each other in a circle: then none can be read, tested or moved without the others.

A file needs another if it names something that is defined there; a name that is only handed on (`pub use`) counts where it
is defined. Tests may need what they like. Reads the sources alone: nothing is built.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.environment import ROOT  # noqa: E402

# A module of the crate: its path from the root, as in `crate::bridge::lane`.
Module = tuple[str, ...]

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TEXT = re.compile(r'r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\.[^\']*|[^\'\\])\'', re.DOTALL)
CHILD = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", re.MULTILINE)
USE = re.compile(r"^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", re.MULTILINE)
INLINE = re.compile(r"(?<![\w:])(?:(?:crate|self|super)(?:::super)*|[a-z_]\w*)(?:::\w+)+")


@dataclass
class File:
    """A module's file: what it names, and what it hands on."""

    path: Path
    children: set[str] = field(default_factory=set)
    named: list[Module] = field(default_factory=list)
    handed_on: dict[str, Module] = field(default_factory=dict)
    globs: list[Module] = field(default_factory=list)


def without_tests(source: str) -> str:
    """The source without comments, literals and what is compiled for tests only."""
    source = TEXT.sub('""', COMMENT.sub("", source))
    while found := re.search(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*", source):
        rest, depth = found.end(), 0
        while rest < len(source):
            letter = source[rest]
            depth += (letter == "{") - (letter == "}")
            rest += 1
            if letter in "};" and depth == 0:
                break
        source = source[: found.start()] + source[rest:]
    return source


def paths(tree: str) -> Iterator[Module]:
    """Every path of a use tree; a glob ends in `*`, `self` in braces is the path before them."""
    head, brace, rest = tree.partition("{")
    if not brace:
        yield tuple(re.sub(r"\s+as\s+\w+", "", tree).strip().split("::"))
        return
    parts, depth, start = [], 0, 0
    inside = rest[: rest.rindex("}")]
    for at, letter in enumerate(inside):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            parts.append(inside[start:at])
            start = at + 1
    before = tuple(part for part in head.strip().split("::") if part)
    for part in (*parts, inside[start:]):
        if part.strip():
            for path in paths(part):
                yield before if path == ("self",) else before + path


def absolute(path: Module, at: Module, children: set[str]) -> Module | None:
    """The path from the crate's root; `None` if it leads out of the crate."""
    if path[0] == "crate":
        return path[1:]
    if path[0] == "self":
        return at + path[1:]
    if path[0] == "super":
        while path and path[0] == "super":
            at, path = at[:-1], path[1:]
        return at + path
    return at + path if path[0] in children else None


def read(path: Path, at: Module, files: dict[Module, File]) -> None:
    """Reads a module and those below it."""
    source = without_tests(path.read_text())
    file = files[at] = File(path, set(CHILD.findall(source)))
    for public, tree in USE.findall(source):
        for found in paths(tree):
            if (target := absolute(found, at, file.children)) is None:
                continue
            if not public:
                file.named.append(target)
            elif target[-1] == "*":
                file.globs.append(target[:-1])
            else:
                file.handed_on[target[-1]] = target
    for found in INLINE.findall(USE.sub("", source)):
        if (target := absolute(tuple(found.split("::")), at, file.children)) is not None:
            file.named.append(target)
    folder = path.parent if path.stem in ("lib", "main", "mod") else path.parent / path.stem
    for child in file.children:
        below = next((p for p in (folder / f"{child}.rs", folder / child / "mod.rs") if p.exists()), None)
        if below:
            read(below, (*at, child), files)


def definer(target: Module, files: dict[Module, File], seen: frozenset[Module] = frozenset()) -> Module:
    """The module in whose file the named thing is defined."""
    at: Module = ()
    for n, name in enumerate(target):
        if (*at, name) in files:
            at = (*at, name)
            continue
        handed_on = files[at].handed_on.get(name)
        if handed_on and handed_on not in seen:
            return definer(handed_on + target[n + 1 :], files, seen | {handed_on})
        break
    return at


def circles(needs: dict[Module, set[Module]]) -> list[list[Module]]:
    """The sets of modules that can reach each other (Tarjan), and those of one module left out."""
    index: dict[Module, int] = {}
    low: dict[Module, int] = {}
    stack: list[Module] = []
    found: list[list[Module]] = []

    def visit(node: Module) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(needs[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            component, stack[at:] = stack[at:], []
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(needs):
        if node not in index:
            visit(node)
    return found


def of_crate(root: Path) -> list[str]:
    """One sentence for each circle of the crate."""
    files: dict[Module, File] = {}
    read(root, (), files)
    needs = {at: {definer(target, files) for target in file.named} - {at} for at, file in files.items()}
    sentences = []
    for circle in circles(needs):
        edges = [f"{files[a].path.relative_to(ROOT)} needs {files[b].path.name}" for a in circle for b in sorted(needs[a]) if b in circle]
        sentences.append("; ".join(edges))
    return sentences


if __name__ == "__main__":
    roots = sorted(path for name in ("lib.rs", "main.rs") for path in ROOT.glob(f"*/*/src/{name}"))
    wrong = [sentence for root in roots for sentence in of_crate(root)]
    for sentence in wrong:
        print(f"circles: {sentence}", file=sys.stderr)
    if not wrong:
        print(f"circles: none between the files of {len(roots)} crates")
    sys.exit(1 if wrong else 0)
