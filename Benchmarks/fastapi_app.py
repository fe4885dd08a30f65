"""The transform of service.sh as a FastAPI service writes it: `uvicorn --workers 2 fastapi_app:app`."""
import json

from fastapi import FastAPI, Request, Response

app = FastAPI()


def transform(orders):
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


@app.post("/transform")
async def post_transform(request: Request):
    result = transform(json.loads(await request.body()))
    return Response(json.dumps(result), media_type="application/json")
