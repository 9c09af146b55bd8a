"""Messages of one kilobyte as a shop's order service would publish them: repetitive in shape, varied in content."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

SIZE = 1_000
_FIRST = "Ana Bea Carla Davi Elisa Felipe Gustavo Helena Igor Joana Kaique Lara Miguel Nina Otto Paula Rui Sofia Tomas Vera".split()
_LAST = "Almeida Barbosa Cardoso Dias Esteves Ferreira Gomes Henriques Lima Martins Nunes Oliveira Pereira Ramos Silva".split()
_CITY = "Aveiro Beja Braga Coimbra Faro Fortaleza Lisboa Luanda Macau Manaus Porto Recife Salvador Santos Setúbal".split()
_GOODS = "almond anchovy basil bread butter cheese clove coffee cork fig grape honey lemon olive orange paper salt sugar".split()
_STATUS = ("placed", "paid", "packed", "shipped", "delivered", "returned")


def bodies(count: int, seed: int = 1) -> Iterator[bytes]:
    """`count` bodies of exactly `SIZE` bytes; every order is published about three times."""
    choose = random.Random(seed)
    for index in range(count):
        order = {
            "order_id": f"o-{choose.randrange(max(1, count // 3)):09}",
            "status": choose.choice(_STATUS),
            "updated_at": f"2026-03-{1 + index % 28:02}T{choose.randrange(24):02}:{choose.randrange(60):02}:{choose.randrange(60):02}Z",
            "customer": {
                "name": f"{choose.choice(_FIRST)} {choose.choice(_LAST)}",
                "email": f"{choose.randrange(10**9):x}@example.org",
                "city": choose.choice(_CITY),
                "postcode": f"{choose.randrange(1000, 9999)}-{choose.randrange(999):03}",
            },
            "lines": [
                {
                    "sku": f"{choose.choice(_GOODS)}-{choose.randrange(10_000):04}",
                    "quantity": choose.randrange(1, 9),
                    "price": round(choose.random() * 90, 2),
                    "warehouse": choose.choice(_CITY),
                }
                for _ in range(6)
            ],
            "total": round(choose.random() * 900, 2),
            "note": "",
        }
        body = json.dumps(order, separators=(",", ":"), ensure_ascii=False).encode()
        # Fill up with words, so that the size is exact and the text compresses as text does.
        words = (" ".join(choose.choice(_GOODS) for _ in range(80))).encode()
        missing = SIZE - len(body)
        yield body[:-2] + words[: max(0, missing)] + b'"}'
