"""The documents and the programs of documents.py and scaling.py: what is done to which data.

A row is (work, document, program); a program after "-r " writes text. Real documents come from
$SHARED_DIR/data (../shared/data); where that is missing, look-alikes of the same shape and size are
generated. A small document is repeated in one file until the file has `bytes_min` bytes, because a
single one would time the start of a process and not the work.
"""
import json
import os
import random
import subprocess
import sys

import harness

# Each program's inputs are whole documents; the orders are one array of 60 MB (6 MB when quick).
ORDERS = [
    ("identity", "."),
    ("project", "[.[] | {id, city: .customer.address.city, total}]"),
    ("filter", '[.[] | select(.status == "shipped" and .total > 500)]'),
    (
        "group and sum",
        "group_by(.customer.address.city) | map({city: .[0].customer.address.city,"
        " orders: length, units: (map(.items[].qty) | add), total: (map(.total) | add)})",
    ),
    ("sort", "sort_by(.created, .total)"),
    ("unique", "[.[].customer.email] | unique"),
    ("flatten", "[.[] | [.tags, [.items, [.status]]]] | flatten"),
    ("deep update", '.[].items[].price |= . * 2 | .[].customer.address.zip |= "00000"'),
    ("walk", 'walk(if type == "string" then ascii_upcase else . end)'),
    ("to_entries", "map(to_entries | map(select(.value != null)) | from_entries)"),
    ("regex masking", r'.[].customer.email |= sub("^(?<first>.)[^@]*"; "\(.first)***")'),
    (
        "string building",
        r'[.[] | "\(.customer.name) <\(.customer.email)>, \(.customer.address.city):'
        r' \(.items | length) items, \(.status)"]',
    ),
    ("tojson, fromjson", "map(.items | tojson | fromjson)"),
    (
        "CSV out",
        "-r .[] | [.created, .status, .customer.name, .customer.address.city, .total] | @csv",
    ),
]

GITHUB = [
    ("identity", "."),
    ("project", "[.[] | {type, actor: .actor.login, repo: .repo.name, at: .created_at}]"),
    ("group and sum", "group_by(.type) | map({type: .[0].type, events: length})"),
    ("deep update", 'map(.actor |= {login, url} | .repo.name |= ltrimstr("a"))'),
    ("walk", 'walk(if type == "object" then del(.gravatar_id, .avatar_url) else . end)'),
    ("to_entries", "[.[] | with_entries(select(.value | type != \"object\"))]"),
]

TWITTER = [
    ("identity", "."),
    (
        "project",
        "[.statuses[] | {id, user: .user.screen_name, text, tags: [.entities.hashtags[].text]}]",
    ),
    ("filter", "[.statuses[] | select(.user.followers_count > 1000) | .text]"),
    (
        "group and sum",
        ".statuses | group_by(.metadata.iso_language_code) | map({language:"
        " .[0].metadata.iso_language_code, tweets: length, likes: (map(.favorite_count) | add)})",
    ),
    ("unique", "[.. | strings] | unique"),
    ("walk", 'walk(if type == "object" then with_entries(select(.value != null)) else . end)'),
    ("to_entries", "[paths(scalars) | map(tostring) | join(\".\")] | length"),
    ("regex masking", '[.statuses[].text | gsub("https?://[^ ]+"; "<url>")]'),
    ("string building", r'[.statuses[].user | "\(.name) (@\(.screen_name)): \(.followers_count)"]'),
    ("tojson, fromjson", "tojson | fromjson"),
    ("CSV out", "-r .statuses[] | [.created_at, .user.screen_name, .retweet_count] | @csv"),
]

CITM = [
    ("identity", "."),
    (
        "project",
        ".events as $event | [.performances[] | {id, start,"
        " name: $event[.eventId | tostring].name, lowest: ([.prices[].amount] | min)}]",
    ),
    (
        "group and sum",
        ".performances | group_by(.eventId) | map({event: .[0].eventId, shows: length,"
        " seats: (map(.seatCategories[].areas | length) | add)})",
    ),
    ("sort", ".performances | sort_by(.start) | map(.id)"),
    ("flatten", "[.performances[] | [.seatCategories[] | [.areas[].areaId]]] | flatten"),
    ("deep update", ".performances[].prices[].amount |= . / 100"),
    ("walk", 'walk(if type == "number" then . + 1 else . end)'),
    ("to_entries", ".events | to_entries | map({key, name: .value.name}) | from_entries"),
]

CANADA = [
    ("identity", "."),
    (
        "group and sum",
        "[.features[].geometry.coordinates[] | {points: length,"
        " west: (map(.[0]) | min), north: (map(.[1]) | max)}]",
    ),
    ("flatten", ".features[].geometry.coordinates | flatten(1) | length"),
    ("deep update", ".features[].geometry.coordinates[][][] |= floor"),
    ("tojson, fromjson", "tojson | fromjson"),
]

PROGRAMS = {
    "github_events": GITHUB,
    "twitter": TWITTER,
    "citm_catalog": CITM,
    "canada": CANADA,
    "orders": ORDERS,
}


def document(name, folder, orders_bytes, bytes_min):
    """The path of a document in the folder, made when it is not there."""
    path = os.path.join(folder, f"{name}.json")
    if os.path.exists(path):
        return path
    with open(path, "wb") as out:
        if name == "orders":
            command = [sys.executable, os.path.join(harness.HERE, "orders.py"), str(orders_bytes)]
            subprocess.run(command, stdout=out, check=True)
        else:
            text = real_or_alike(name)
            for _ in range(max(1, -(-bytes_min // len(text)))):
                out.write(text)
    return path


def real_or_alike(name):
    """One copy of the document's text, with a line feed at its end."""
    try:
        with open(os.path.join(harness.SHARED, "data", f"{name}.json"), "rb") as source:
            return source.read().rstrip() + b"\n"
    except OSError:
        print(f"{name}.json is not in {harness.SHARED}/data: a look-alike is generated")
        text = json.dumps(ALIKE[name](random.Random(1)), ensure_ascii=False, indent=1)
        return text.encode() + b"\n"


def github_alike(source):
    def event(number):
        actor, repo = source.randrange(10**6), source.randrange(10**6)
        return {
            "type": source.choice(["PushEvent", "WatchEvent", "IssuesEvent", "ForkEvent"]),
            "created_at": f"2013-01-10T07:{number % 60:02d}:{source.randrange(60):02d}Z",
            "actor": {
                "gravatar_id": f"{source.getrandbits(128):032x}",
                "login": f"person{actor}",
                "avatar_url": f"https://avatars.example.com/{source.getrandbits(128):032x}.png",
                "url": f"https://api.example.com/users/person{actor}",
                "id": actor,
            },
            "repo": {"url": f"https://api.example.com/{repo}", "id": repo, "name": f"a/r{repo}"},
            "public": True,
            "payload": {
                "commits": [
                    {
                        "sha": f"{source.getrandbits(160):040x}",
                        "author": {"name": f"Person {actor}", "email": f"p{actor}@example.com"},
                        "message": "change " * source.randrange(3, 30),
                        "distinct": True,
                    }
                    for _ in range(source.randrange(4))
                ]
            },
            "id": str(1652857600 + number),
        }

    return [event(number) for number in range(60)]


def twitter_alike(source):
    words = ["前田", "あゆみ", "名前", "好き", "ゲーム", "RT", "hello", "😀", "\n", "今日", "\"と\""]

    def status(number):
        text = "".join(source.choice(words) for _ in range(source.randrange(8, 40)))
        person = source.randrange(10**9)
        return {
            "metadata": {"result_type": "recent", "iso_language_code": source.choice(["ja", "en"])},
            "created_at": f"Sun Aug 31 00:{number % 60:02d}:15 +0000 2014",
            "id": 505874924095815681 + number * 4096,
            "id_str": str(505874924095815681 + number * 4096),
            "text": text + f" https://t.example/{source.getrandbits(40):x}",
            "truncated": False,
            "in_reply_to_status_id": None,
            "user": {
                "id": person,
                "name": "".join(source.choice(words) for _ in range(3)),
                "screen_name": f"name{person}",
                "description": "".join(source.choice(words) for _ in range(60)),
                "followers_count": source.randrange(5000),
                "profile_image_url": f"http://img.example/{source.getrandbits(64):x}.jpeg",
                "settings": {f"setting_{i}": source.choice([True, False, None]) for i in range(25)},
            },
            "retweet_count": source.randrange(100),
            "favorite_count": source.randrange(100),
            "entities": {
                "hashtags": [{"text": "tag", "indices": [1, 5]}] * source.randrange(3),
                "urls": [],
            },
            "lang": "ja",
        }

    return {"statuses": [status(i) for i in range(300)], "search_metadata": {"count": 300}}


def citm_alike(source):
    events = {str(138586341 + i): {"id": 138586341 + i, "name": f"Été {i}"} for i in range(180)}

    def performance(number):
        return {
            "eventId": source.choice(list(events.values()))["id"],
            "id": 339887544 + number,
            "name": None,
            "prices": [
                {"amount": source.randrange(10, 200) * 250, "seatCategoryId": 338937295 + i}
                for i in range(4)
            ],
            "seatCategories": [
                {
                    "areas": [{"areaId": 205705999 - j, "blockIds": []} for j in range(12)],
                    "seatCategoryId": 338937295 + i,
                }
                for i in range(4)
            ],
            "start": 1372701600000 + source.randrange(10**9),
            "venueCode": "PLEYEL_PLEYEL",
        }

    return {"events": events, "performances": [performance(i) for i in range(240)]}


def canada_alike(source):
    def ring():
        return [
            [round(source.uniform(-141, -52), 15), round(source.uniform(41, 83), 15)]
            for _ in range(120)
        ]

    geometry = {"type": "Polygon", "coordinates": [ring() for _ in range(460)]}
    feature = {"type": "Feature", "properties": {"name": "Canada"}, "geometry": geometry}
    return {"type": "FeatureCollection", "features": [feature]}


ALIKE = {
    "github_events": github_alike,
    "twitter": twitter_alike,
    "citm_catalog": citm_alike,
    "canada": canada_alike,
}
