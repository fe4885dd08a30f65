#!/usr/bin/env python3
"""Writes an orders document of about BYTES bytes, the same for the same seed.

    orders.py BYTES [--ndjson] [--seed N] > orders.json

BYTES may end in k, M (powers of 1000). With --ndjson one order a line instead of one array.
"""
import argparse
import json
import random
import sys

STATUSES = ["new", "paid", "packed", "shipped", "returned"]
CITIES = ["Łódź", "Lyon", "São Paulo", "Osaka", "Leeds", "Graz"]
TAGS = ["gift", "express", "b2b", "fragile", "repeat", "sale"]


def size(text):
    scale = {"k": 1000, "M": 1000_000}.get(text[-1], 1)
    return int(float(text.rstrip("kM")) * scale)


def order(random, number):
    items = [
        {
            "sku": f"SKU-{random.randrange(100_000):05d}",
            "qty": random.randint(1, 9),
            "price": round(random.uniform(0.5, 300), 2),
        }
        for _ in range(random.randint(1, 6))
    ]
    minute, second = random.randrange(60), random.randrange(60)
    return {
        "id": (1 << 60) + number * 4099 + random.randrange(4096),
        "customer": {
            "name": f"Customer {random.randrange(5000)}",
            "email": f"c{random.randrange(5000)}@example.com",
            "address": {
                "city": random.choice(CITIES),
                "street": f"{random.randrange(1, 200)} Main \"Old\" Street",
                "zip": f"{random.randrange(100_000):05d}",
            },
        },
        "status": random.choice(STATUSES),
        "items": items,
        "total": round(sum(item["qty"] * item["price"] for item in items), 2),
        "tags": random.sample(TAGS, random.randint(0, 3)),
        "note": None if random.random() < 0.7 else "leave at the door\nring twice",
        "created": f"2025-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}T12:{minute:02d}:{second:02d}Z",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bytes", type=size)
    parser.add_argument("--ndjson", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source = random.Random(options.seed)
    written = number = 0
    parts = []
    while written < options.bytes:
        text = json.dumps(order(source, number), ensure_ascii=False, separators=(",", ":"))
        written += len(text.encode()) + 1
        number += 1
        parts.append(text)
    out = "\n".join(parts) if options.ndjson else "[" + ",".join(parts) + "]"
    sys.stdout.buffer.write(out.encode() + b"\n")


main()
