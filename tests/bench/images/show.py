"""What was measured, for people: tables for the terminal, and a plot."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from rich.console import Console
from rich.table import Table

from tests.bench.images.cost import Case

matplotlib.use("agg")
from matplotlib import pyplot  # noqa: E402

COLOURS = {"Foz": "#1b6ca8", "Spark copy-on-write": "#d1495b", "Spark merge-on-read": "#edae49"}
MARKS = "osD^v"


def console() -> Console:
    """The terminal; a file is as wide as the tables are."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=140)


def tables(console: Console, cases: list[Case], scans: list[dict], load: float) -> None:
    """Both measurements as tables."""
    console.print(f"\nA change merged into a table, rows of about 45 bytes, two threads each (load of the machine before: {load:.1f})", style="bold")
    table = _table("rows", "changes", "", "seconds", "CPU s", "read MB", "written MB", "requests", "peak MB")
    for case in cases:
        for number, (who, cost) in enumerate(case.costs.items()):
            what = (f"{case.rows:,}", _changes(case)) if number == 0 else ("", "")
            counted = (_mega(cost.bytes_read), _mega(cost.bytes_written), str(cost.requests or ""), f"{cost.peak_megabytes or 0:,.0f}")
            table.add_row(*what, who, f"{cost.seconds:.2f}", f"{cost.cpu_seconds:.2f}", *counted)
    console.print(table)
    console.print("\nA scan of the whole table", style="bold")
    table = _table("rows", "table", "", "seconds", "CPU s")
    before = None
    for scan in scans:
        what = (f"{scan['rows']:,}", scan["table"])
        cost = scan["cost"]
        table.add_row(*(what if what != before else ("", "")), scan["reader"], f"{cost.seconds:.2f}", f"{cost.cpu_seconds:.2f}")
        before = what
    console.print(table)


def plot(path: Path, cases: list[Case], scans: list[dict]) -> None:
    """Processor time and bytes written by the table's size, and scans by the state of the largest table."""
    figure, (cpu, written, read) = pyplot.subplots(1, 3, figsize=(16, 6.5))
    kinds = sorted({_label(case) for case in cases})
    for axes, name, of in ((cpu, "CPU-seconds", lambda cost: cost.cpu_seconds), (written, "MB written", lambda cost: (cost.bytes_written or 0) / 1e6)):
        for who, colour in COLOURS.items():
            for kind in kinds:
                points = [(case.rows / 1e6, of(case.costs[who])) for case in cases if _label(case) == kind and who in case.costs]
                lone = dict(color=colour, marker=MARKS[kinds.index(kind) % len(MARKS)], markersize=5, linewidth=1, alpha=0.8)
                axes.plot(*zip(*points, strict=True), label=f"{who}, {kind}", **lone)
        axes.set(xscale="log", yscale="log", xlabel="million rows", ylabel=name)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.grid(visible=True, which="both", alpha=0.2)
    cpu.set_title("An image, and Spark's MERGE: processor time")
    written.set_title("and bytes written")
    largest = [scan for scan in scans if scan["rows"] == max(scan["rows"] for scan in scans) and scan["reader"] != "Foz"]
    states = list(dict.fromkeys(scan["table"] for scan in largest))
    readers = list(dict.fromkeys(scan["reader"] for scan in largest))
    for number, state in enumerate(states):
        seconds = [next(scan["cost"].seconds for scan in largest if (scan["table"], scan["reader"]) == (state, reader)) for reader in readers]
        read.bar([place + 0.8 * number / len(states) for place in range(len(readers))], seconds, 0.8 / len(states), align="edge", label=state)
    read.set_xticks([place + 0.4 for place in range(len(readers))], readers)
    read.set(ylabel="seconds", title=f"A scan of {largest[0]['rows'] / 1e6:g} million rows")
    read.legend(fontsize=8)
    # Below, where it hides no line.
    figure.legend(*cpu.get_legend_handles_labels(), loc="lower center", ncols=len(COLOURS), fontsize=7)
    figure.tight_layout(rect=(0, 0.2, 1, 1))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _label(case: Case) -> str:
    """What cases of tables of several sizes have in common."""
    share = f"{case.changes / case.rows:.1%}"
    if case.kind == "new":
        return f"{share} inserted"
    return "10,000 changed" if case.changes == 10_000 else f"{share} changed"


def _changes(case: Case) -> str:
    return f"{case.changes:,} {'inserted' if case.kind == 'new' else 'changed'} ({case.changes / case.rows:.1%})"


def _mega(number: int | None) -> str:
    return "" if number is None else f"{number / 1e6:,.1f}"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1))
    for column in columns:
        table.add_column(column, justify="right" if column not in ("", "table") else "left", no_wrap=True)
    return table
