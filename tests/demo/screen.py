"""The demo's screen: one live table on a terminal, one plain line every few seconds elsewhere."""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tests.demo.progress import COLUMNS, Progress

# Seconds between the plain lines.
EVERY = 2.0
HEADINGS = {"queued": "in queue"}


class Screen:
    """Shows progress as it comes. A context manager, since a terminal must be given back."""

    def __init__(self, title: str, console: Console | None = None):
        self._title = title
        self.console = console or Console(highlight=False)
        self._live = Live(console=self.console, auto_refresh=False) if self.console.is_terminal else None
        self._last = -EVERY

    def __enter__(self) -> Screen:
        if self._live:
            self._live.start()
        else:
            self.console.print(self._title)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, now: Progress, final: bool = False) -> None:
        """Shows the state of every stage, if it is time for it."""
        if self._live:
            self._live.update(self._picture(now), refresh=True)
        elif final or now.elapsed - self._last >= EVERY:
            self._last = now.elapsed
            self.console.print(_line(now), soft_wrap=True)

    def say(self, what: str) -> None:
        """Prints a line about an event."""
        self.console.print(Text(what, style="dim"), soft_wrap=True)

    def _picture(self, now: Progress) -> Group:
        # One blank between columns: with a million messages the table still fits eighty characters.
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("")
        for column in COLUMNS:
            table.add_column(HEADINGS.get(column, column), justify="right", no_wrap=True)
        for name, stream in now.streams.items():
            table.add_row(name, *(_number(getattr(stream, column), column) for column in COLUMNS))
        table.add_row("all", *(_number(getattr(now.total, column), column) for column in COLUMNS), style="bold")
        return Group(Text(self._title, style="bold") + Text(f"   {_clock(now.elapsed)}", style="dim"), "", table, "", _facts(now), "")


def _facts(now: Progress) -> Table:
    w = now.watermarks
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    facts.add_row("bridge", Text(f"{now.bridge}, reign {w.epoch}", style="" if now.bridge == "running" else "red"))
    facts.add_row("catalog", f"{w.next_sequence} batches; {w.done} transformed in {now.runs} runs; {w.imaged} in the tables")
    facts.add_row("reader", Text(_reader(now), style="red" if now.dangling else ""))
    return facts


def _reader(now: Progress) -> str:
    return f"{now.reader_checks} checks of {now.reader_references:,} references: {now.dangling or 'none'} dangling"


def _line(now: Progress) -> str:
    total, w = now.total, now.watermarks
    return (
        f"{_clock(now.elapsed)}  confirmed {total.confirmed:>9,}  queued {total.queued:>7,}  catalogued {total.catalogued:>9,}"
        f" (sequence {w.next_sequence:>4})  history {total.history:>9,}  current {total.current:>7,}"
        f"  dangling {now.dangling} of {now.reader_references:,}"
    )


def _number(value: int, column: str) -> Text:
    quiet = value == 0 or column in ("published", "queued")
    return Text(f"{value:,}", style="dim" if quiet else "yellow" if column == "quarantined" else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"
