"""The Flask rival of service.py: `gunicorn --workers N flask_app:app`."""
import json

import transforms
from flask import Flask, Response, request

app = Flask(__name__)


def answer(transform):
    result = transform(json.loads(request.get_data()))
    return Response(json.dumps(result), mimetype="application/json")


@app.post("/transform")
def post_transform():
    return answer(transforms.group)


@app.post("/small")
def post_small():
    return answer(transforms.small)
