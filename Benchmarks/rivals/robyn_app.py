"""The Robyn rival of service.py: `python3 robyn_app.py PORT --processes N --log-level ERROR`."""
import json
import sys

import transforms
from robyn import Response, Robyn

PORT = int(sys.argv.pop(1))
app = Robyn(__file__)


def answer(request, transform):
    result = transform(json.loads(request.body))
    return Response(200, {"Content-Type": "application/json"}, json.dumps(result))


@app.post("/transform")
async def post_transform(request):
    return answer(request, transforms.group)


@app.post("/small")
async def post_small(request):
    return answer(request, transforms.small)


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=PORT)
