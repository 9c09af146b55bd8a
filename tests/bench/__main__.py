"""python -m tests.bench [--messages N] [--probes N] [--json]: latency, throughput, memory, starts of functions, and two yardsticks."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import measure
from tests.bench.payload import SIZE
from tests.bench.starts import Start, starts
from tests.readers.lake import Lake
from tests.stack import Stack
from tests.stack.binaries import cargo

PIPELINE = Path(__file__).with_name("pipeline.yaml")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__.split(": ", 1)[1])
    arguments.add_argument("--messages", type=int, default=200_000, help="of 1 kB each, per measurement")
    arguments.add_argument("--probes", type=int, default=40, help="messages whose latency is measured")
    arguments.add_argument("--json", action="store_true", help="numbers for machines")
    options = arguments.parse_args()
    notes = Console(stderr=True, highlight=False, quiet=options.json)
    notes.print("building …", style="dim")
    subprocess.run([*cargo("build"), "--workspace", "--bins", "--examples", "--quiet"], check=True, cwd=measure.ROOT)
    with Stack(pipeline=PIPELINE, quiet=options.json, build=False) as stack:
        lake = Lake(stack.record)
        notes.print("latency …", style="dim")
        latency = measure.latency(stack, lake, options.probes)
        notes.print("throughput …", style="dim")
        raw, tables, memory = measure.foz(stack, lake, options.messages)
        # The bridge and the functions idle meanwhile; the yardsticks have the machine to themselves.
        rates = [raw, tables, measure.bare(stack, options.messages), measure.plain(stack, options.messages)]
        notes.print("starts of functions …", style="dim")
        started = starts(stack)
    if options.json:
        throughput = [{**vars(r), "messages_per_second": r.rate, "megabytes_per_second": r.megabytes} for r in rates]
        initialisation = [vars(each) for each in started]
        print(json.dumps({"latency": vars(latency), "throughput": throughput, "peak_megabytes": memory, "initialisation": initialisation}, indent=2))
    else:
        show(Console(highlight=False), latency, rates, memory, started)
    return 0


def show(console: Console, latency: measure.Latency, rates: list[measure.Throughput], memory: dict[str, float], started: list[Start]) -> None:
    """The same for people."""
    console.print("\nPublish to visible in the current table, max_latency 1s, consolidate_every 1s", style="bold")
    console.print(f"  median {latency.median:.2f} s   95% under {latency.p95:.2f} s   ({latency.samples} messages)\n")
    console.print(f"Throughput, messages of {SIZE:,} bytes, one queue", style="bold")
    table = Table(box=None, header_style="dim", padding=(0, 1))
    table.add_column("", no_wrap=True)
    for column in ("messages/s", "MB/s", "messages", "seconds"):
        table.add_column(column, justify="right")
    for r in rates:
        table.add_row(r.what, f"{r.rate:,.0f}", f"{r.megabytes:.1f}", f"{r.messages:,}", f"{r.seconds:.1f}")
    console.print(table)
    console.print("\nPeak resident memory", style="bold")
    console.print("  " + "   ".join(f"{name} {peak:,.0f} MB" for name, peak in memory.items()))
    console.print("\nInitialisation of functions", style="bold")
    for each in started:
        console.print(f"  {each.function:12} median {each.median_milliseconds:4.0f} ms   slowest of {each.times}: {each.slowest_milliseconds:.0f} ms   ({each.program})")


if __name__ == "__main__":
    sys.exit(main())
