"""python -m tests.bench.images [--rows 1M,4M,10M] [--repeat N] [--json] [--plot FILE]: what an image costs, by the size of the table and by how much of it changed; beside Spark's MERGE of the same files, and what readers pay."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from scripts.environment import ROOT
from tests.bench.images import show
from tests.bench.images.cost import Case, Cost, median
from tests.bench.images.foz import State, Table
from tests.bench.images.scans import Scans
from tests.bench.images.spark import MODES, Spark
from tests.stack.binaries import cargo

# A number of changes that is the same for every table: what an image costs must not follow the table's size.
FIXED = 10_000
SHARES = (0.001, 0.01, 0.05)
INSERTED = 0.01
# Images one after the other, each of this share, before readers scan again.
SERIES, OF_SERIES = 8, 0.001


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make bench-images", description=__doc__.split(": ", 1)[1])
    arguments.add_argument("--rows", type=lambda text: [number(part) for part in text.split(",")], default="1M,4M,10M", help="sizes of tables")
    arguments.add_argument("--repeat", type=int, default=3, help="measurements, of which the median by processor time counts")
    arguments.add_argument("--json", action="store_true", help="numbers for machines")
    arguments.add_argument("--plot", type=Path, default=ROOT / ".local" / "bench-images.png", help="where to draw")
    arguments.add_argument("--folder", type=Path, help="where to make the tables, about 400 bytes a row; by default a temporary folder")
    options = arguments.parse_args()
    notes = Console(stderr=True, highlight=False, quiet=options.json)
    notes.print("building …", style="dim")
    subprocess.run([*cargo("build"), "--workspace", "--bins", "--examples", "--quiet"], check=True, cwd=ROOT)
    folder = Path(tempfile.mkdtemp(prefix="bench-images-", dir=options.folder))
    load = os.getloadavg()[0]
    try:
        spark = Spark(folder)
        notes.print("warming Spark …", style="dim")
        warm(spark, folder)
        cases, scans = [], []
        for rows in options.rows:
            notes.print(f"{rows:,} rows …", style="dim")
            table = Table(folder / str(rows), rows)
            cases += changed(table, spark, Scans(spark), options.repeat)
            scans += scanned(table, Scans(spark), options.repeat)
            shutil.rmtree(folder / str(rows))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    options.plot.parent.mkdir(parents=True, exist_ok=True)
    show.plot(options.plot, cases, scans)
    if options.json:
        print(json.dumps({"load_before": load, "changes": [asdict(case) for case in cases], "scans": scans}, indent=2, default=asdict))
    else:
        show.tables(show.console(), cases, scans, load)
        notes.print(f"\ndrawn: {options.plot}", style="dim")
    return 0


def number(text: str) -> int:
    """`4M` or `200k` as a number."""
    factor = {"k": 1_000, "M": 1_000_000}.get(text[-1:], 1)
    return int(float(text.rstrip("kM")) * factor)


def warm(spark: Spark, folder: Path) -> None:
    """Merges small tables until Spark has compiled what it needs."""
    table = Table(folder / "warm", 100_000)
    changed = table.publish("known", 1_000, 1, table.base, "changed")
    for mode in MODES * 3:
        _, name = spark.merge(table.base, changed, mode)
        spark.answer(name, "count(*)")
        spark.drop(name)


def changed(table: Table, spark: Spark, scans: Scans, times: int) -> list[Case]:
    """Each change of the table, merged each way; fails if the results differ."""
    known = sorted({FIXED, *(int(share * table.rows) for share in SHARES)})
    cases = []
    for number, (kind, count) in enumerate([*(("known", count) for count in known), ("new", int(INSERTED * table.rows))], 1):
        case = Case(table.rows, count, kind)
        published = table.publish(kind, count, number, table.base, f"published-{number}")
        images = [table.image(published, f"image-{number}-{again}") for again in range(times)]
        case.costs["Foz"] = median([cost for _, cost in images])
        right = scans.answer(images[0][0])
        for mode in MODES:
            case.costs[f"Spark {mode}"] = median([merged(spark, table, published, mode, right) for _ in range(times)])
        cases.append(case)
    return cases


def merged(spark: Spark, table: Table, published: State, mode: str, right: tuple[int, ...]) -> Cost:
    """What Spark's MERGE costs, whose result must be the image's."""
    cost, name = spark.merge(table.base, published, mode)
    found = tuple(map(int, spark.answer(name, "count(*), sum(customer), sum(length(note))")))
    spark.drop(name)
    if found != right:
        raise RuntimeError(f"Spark's {mode} of {published.name} gives {found}, the image {right}")
    return cost


def scanned(table: Table, scans: Scans, times: int) -> list[dict]:
    """What readers pay for the table as it was made, after images, and compacted."""
    states = {"as made": table.base}
    state = table.base
    for number in range(1, SERIES + 1):
        published = table.publish("known", int(OF_SERIES * table.rows), 100 + number, state, f"series-{number}")
        state, _ = table.image(published, f"series-image-{number}")
    states[f"after {SERIES} images of {OF_SERIES:.1%}"] = state
    compacted = table.compact(state, "compacted")
    if compacted:
        states["compacted"] = compacted[0]
    scans_of = {what: scans.of(state, times) for what, state in states.items()}
    found = [{"rows": table.rows, "table": what, "reader": reader, "cost": cost} for what, costs in scans_of.items() for reader, cost in costs.items()]
    return found + ([{"rows": table.rows, "table": "compaction", "reader": "Foz", "cost": compacted[1]}] if compacted else [])


if __name__ == "__main__":
    sys.exit(main())
