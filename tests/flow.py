"""When a flow has come to rest, and whether the lake then holds what it must: the oracle of every end-to-end test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tests.oracle import Expected, differences
from tests.publisher import Message
from tests.readers.lake import Lake


def counts(messages: Iterable[Message], streams: Mapping[str, str]) -> Counter:
    """Messages per stream; `streams` names the stream of each queue."""
    return Counter(streams[message.queue] for message in messages)


def uncatalogued(lake: Lake, published: Mapping[str, int]) -> str:
    """The first thing that is not in the catalog yet, as a sentence; empty if all is."""
    heads = lake.heads()
    for stream, count in published.items():
        messages = int(heads.get(stream, {}).get("messages", 0))
        if messages < count:
            return f"{stream}: {messages:,} of {count:,} messages catalogued"
    return ""


def behind(lake: Lake, published: Mapping[str, int]) -> str:
    """The first thing that is not in the tables yet, as a sentence; empty if all is."""
    missing = uncatalogued(lake, published)
    if missing:
        return missing
    for group in lake.groups():
        w = lake.watermarks(group)
        if not w.next_sequence == w.done == w.imaged:
            return f"group {group}: sequence {w.next_sequence}, transformed {w.done}, in the tables {w.imaged}"
    return ""


def check_tables(lake: Lake, expected: Mapping[str, Expected]) -> list[str]:
    """Everything in which current, history and quarantine tables differ from the oracle."""
    found = []
    for stream, want in expected.items():
        tables = (lake.rows(name) for name in (stream, f"{stream}_changes", f"{stream}_quarantine"))
        found += differences(stream, want, *tables)
    return found


def check_catalog(
    lake: Lake, published: Mapping[str, int], orphans_allowed: bool = False, begins: Mapping[str, int] | None = None
) -> list[str]:
    """Sequences contiguous, each message catalogued once, every raw object there with its size, digest and rows.

    `begins` names the groups whose first sequence is not 0: streams of other groups moved to them.

    A raw object that no batch names is allowed only where a process was killed between the object and the transaction.
    """
    found, messages, named = [], Counter(), set()
    objects = lake.keys("raw/")
    for group in lake.groups():
        ids: Counter = Counter()
        for index, batch in enumerate(lake.batches(group), start=(begins or {}).get(group, 0)):
            key, at = batch["raw_key"], f"group {group}, sequence {batch['sequence']}"
            named.add(key)
            messages[batch["stream"]] += int(batch["messages"])
            if batch["sequence"] != index:
                found.append(f"{at}: expected sequence {index}")
            if objects.get(key) != int(batch["object_bytes"]):
                found.append(f"{at}: {key} has {objects.get(key)} bytes, not {batch['object_bytes']}")
                continue
            digest = lake.s3.head_object(Bucket=lake.bucket, Key=key)["Metadata"].get("foz-digest")
            if digest != digest_text(batch["digest"]):
                found.append(f"{at}: {key} has digest {digest}")
            rows = lake.raw(key, ["index", "message_id"])
            if rows["index"].to_pylist() != list(range(int(batch["messages"]))):
                found.append(f"{at}: {key} does not have rows 0 to {int(batch['messages']) - 1}")
            ids.update((batch["stream"], name) for name in rows["message_id"].to_pylist() if name)
        twice = [name for name, count in ids.items() if count > 1]
        if twice:
            found.append(f"group {group}: {len(twice)} messages catalogued more than once, such as {twice[:3]}")
    found += [f"{s}: {messages[s]} messages catalogued, {n} published" for s, n in published.items() if messages[s] != n]
    orphans = objects.keys() - named
    if orphans and not orphans_allowed:
        found.append(f"{len(orphans)} raw objects that no batch names, such as {sorted(orphans)[0]}")
    return found


def digest_text(digest: bytes | str) -> str:
    """A digest as text, however the catalog stores it."""
    return digest.hex() if isinstance(digest, bytes) else digest
