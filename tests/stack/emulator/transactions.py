"""Mends moto's DynamoDB: a failing transaction undoes what it touched, nothing else.

moto copies whole tables before a transaction and puts the copies back when it fails: that costs 100 ms at a thousand
items, and undoes what others wrote meanwhile. Here the items that a transaction names are copied, and only they go back.
"""

import copy
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Touched = tuple[Table, DynamoType, DynamoType | None, Item | None]


def install() -> None:
    """Replaces moto's transaction and query; call once, before the first request."""
    plain = models.DynamoDBBackend.transact_write_items
    # moto's own backup of a table becomes the table itself, and putting it back changes nothing.
    models.copy = SimpleNamespace(deepcopy=lambda value: value if isinstance(value, Table) else copy.deepcopy(value))

    def transact_write_items(backend: Any, transact_items: list[dict[str, Any]]) -> None:
        before = [item for item in (touched(backend, entry) for entry in transact_items) if item]
        try:
            plain(backend, transact_items)
        except Exception:
            for each in before:
                put_back(*each)
            raise

    models.DynamoDBBackend.transact_write_items = transact_write_items
    Table.query = query_of_candidates(Table.query)


def touched(backend: Any, entry: dict[str, Any]) -> Touched | None:
    """The item that one action of a transaction names, as it is now."""
    _, action = next(iter(entry.items()))
    table = backend.tables.get(action.get("TableName"))
    key = action.get("Key") or action.get("Item") or {}
    if not table or table.hash_key_attr not in key or (table.range_key_attr and table.range_key_attr not in key):
        return None  # moto refuses it with the right error
    hash_key = DynamoType(key[table.hash_key_attr])
    range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    return table, hash_key, range_key, copy.deepcopy(table.get_item(hash_key, range_key))


def put_back(table: Table, hash_key: DynamoType, range_key: DynamoType | None, item: Item | None) -> None:
    """Makes one item what it was."""
    if table.range_key_attr is None:
        place, key = table.items, hash_key
    else:
        place, key = table.items[hash_key], range_key
    if item is None:
        place.pop(key, None)
    else:
        place[key] = item


def query_of_candidates(plain: Any) -> Any:
    """moto's query sorts and measures the whole table; this shows it only the items that the key conditions can match."""

    def query(table: Table, hash_key: DynamoType, comparison: str | None, bounds: list[DynamoType], *args: Any, **named: Any) -> Any:
        index_name = args[4] if len(args) > 4 else named.get("index_name")
        if not table.range_key_attr:
            return plain(table, hash_key, comparison, bounds, *args, **named)
        if index_name:
            names = [name for name, _ in named.get("hash_key_conditions") or []]
            found = [item for group in table.items.values() for item in group.values() if all(n in item.attrs for n in names)]
        else:
            found = in_range(table.items.get(hash_key, {}), comparison, bounds)
        table.all_items = lambda: found  # type: ignore[method-assign]
        try:
            return plain(table, hash_key, comparison, bounds, *args, **named)
        finally:
            del table.all_items

    return query


def in_range(items: dict[DynamoType, Item], comparison: str | None, bounds: list[DynamoType]) -> list[Item]:
    """The items that a condition on a text range key leaves; all where moto itself must compare."""
    if not bounds or any(bound.type != "S" for bound in bounds):
        return list(items.values())
    low = bounds[0].value
    if comparison == "BEGINS_WITH":
        return [item for key, item in items.items() if key.value.startswith(low)]
    if comparison == "BETWEEN":
        high = bounds[1].value
        return [item for key, item in items.items() if low <= key.value <= high]
    if comparison in (">", ">=", "GT", "GE"):
        return [item for key, item in items.items() if key.value >= low]
    if comparison in ("<", "<=", "LT", "LE"):
        return [item for key, item in items.items() if key.value <= low]
    return list(items.values())
