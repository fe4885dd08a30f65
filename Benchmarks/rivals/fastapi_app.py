"""The FastAPI rival of service.py: `uvicorn --workers N fastapi_app:app`."""
import json

import transforms
from fastapi import FastAPI, Request, Response

app = FastAPI()


async def answer(request, transform):
    result = transform(json.loads(await request.body()))
    return Response(json.dumps(result), media_type="application/json")


@app.post("/transform")
async def post_transform(request: Request):
    return await answer(request, transforms.group)


@app.post("/small")
async def post_small(request: Request):
    return await answer(request, transforms.small)
