"""Prints the dashboard as it is laid out, without data: python tests/stack/run.py exec tests.infra.show_dashboard"""

import tempfile
from itertools import groupby
from pathlib import Path

from tests.infra.observed import observed

COLUMN = 6  # characters for one of the 24 columns


def line(widget: dict) -> str:
    """A widget in one line of text as wide as it is."""
    properties, width = widget["properties"], widget["width"] * COLUMN - 3
    what = properties.get("title") or properties["markdown"].splitlines()[0]
    count = len(properties.get("metrics", properties.get("alarms", [])))
    return f"| {what}{f' ({count})' if count else ''}".ljust(width)[:width] + " |"


def main() -> None:
    """Rows from the top; in parentheses, how many metrics or alarms a widget takes up."""
    with tempfile.TemporaryDirectory() as folder, observed(Path(folder)) as watched:
        for top, row in groupby(watched.widgets, key=lambda widget: widget["y"]):
            print(f"{top:3} " + "".join(line(widget) for widget in row))


if __name__ == "__main__":
    main()
