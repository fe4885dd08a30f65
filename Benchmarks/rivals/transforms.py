"""The transforms of service.py as a Python service writes them, for FastAPI, Flask and Robyn."""


def group(orders):
    """orders -> one group a city, those returned left out."""
    groups = {}
    for order in orders:
        if order["status"] == "returned":
            continue
        city = order["customer"]["address"]["city"]
        group = groups.setdefault(city, {"city": city, "orders": 0, "units": 0, "total": 0})
        group["orders"] += 1
        group["units"] += sum(item["qty"] for item in order["items"])
        group["total"] += order["total"]
    return [groups[city] for city in sorted(groups)]


def small(value):
    """{"name", "values"} -> {"name", "total"}"""
    return {"name": value["name"], "total": sum(value["values"])}
