"""Java of a wanted version, and what Maven Central serves: kept between checkouts."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from scripts.environment import cache_folder
from tests.stack import debian
from tests.stack.processes import Failed


def java_home(least: int, most: int) -> Path | None:
    """The home of a Java from version `least` to `most` on this machine; `None` if there is none."""
    named = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    on_path = shutil.which("java")
    named += [Path(on_path).resolve().parents[1]] if on_path else []
    homes = [home for home in (*named, *sorted(Path("/usr/lib/jvm").glob("*"))) if (home / "bin" / "java").exists()]
    return next((home for home in homes if least <= version(home) <= most), None)


def version(home: Path) -> int:
    """The Java's version; 0 if it does not say."""
    try:
        said = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', (home / "release").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(said[1]) if said else 0


def for_spark() -> Path:
    """The Java for Spark 3.5; Debian's is installed if there is none."""
    if not (home := java_home(11, 17)):
        debian.install("openjdk-17-jre-headless")
        home = java_home(11, 17)
    if not home:
        raise Failed("Spark 3.5 needs Java 11 or 17: install one, and name it in JAVA_HOME")
    return home


def fetched(artifact: str) -> Path:
    """A file of Maven Central, as in `group:artifact:version[:packaging]`; fetched by Maven at the first call."""
    _, name, number, packaging = (*artifact.split(":"), "jar")[:4]
    path = cache_folder() / "maven" / f"{name}-{number}.{packaging}"
    if path.exists():
        return path
    if not shutil.which("mvn"):
        debian.install("maven")
    print(f"maven: fetching {name} {number} …", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
        # A repository for this call only: Maven would keep a second copy, and Trino has 800 MB.
        repository = f"-Dmaven.repo.local={folder}/repository"
        debian.run(["mvn", "-q", "-B", goal, repository, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"])
        (Path(folder) / path.name).rename(path)
    return path
