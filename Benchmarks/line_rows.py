"""The files and the rows of lines.py: what is asked of which records, in jq, SQL and Polars.

    write(path, "small", 2_000_000)        some 62 bytes a line
    write(path, "events", 300_000)         some 930 bytes a line
    find("small", "project").queries["duckdb"]    (shape, "SELECT name AS v FROM {lines}")

A columnar library reads what the row needs: a shape gives the members and their types, and
`WHOLE` each record as a text, in the column `json`. A column `v` is the output itself; columns `k`
and `v` are the members of an object.
"""
import dataclasses
import functools
import random
from typing import Callable

SMALL, EVENTS = "small", "events"
RECORDS = {SMALL: 2_000_000, EVENTS: 300_000}
# Different lines, but for `id`, and the lines that are written at once.
TAILS = {SMALL: 50_000, EVENTS: 20_000}
CHUNK = 10_000
TYPES = ["PushEvent", "PullRequestEvent", "IssuesEvent", "WatchEvent"]
WORDS = "fix add update remove refactor test docs build merge release parser cache index".split()

# What an answer consists of: outputs in order, records of CSV in order, one object, or outputs in
# any order.
VALUES, CSV, OBJECT, SET = "values", "csv", "object", "set"


@dataclasses.dataclass
class Row:
    """One question about one file."""

    file: str
    work: str
    program: str
    queries: dict
    form: str = VALUES

    @property
    def options(self):
        """What the jq command is given before the program."""
        if self.form in (OBJECT, SET):
            return ["-n", "-c"]
        return ["-r"] if self.form == CSV else ["-c"]

    @property
    def label(self):
        return f"{self.work}, {self.file}"


WHOLE = None


def columnar(shape, sql, polars: Callable):
    """The same question for the three libraries: {name: (shape, query)}."""
    return {"duckdb": (shape, sql), "chdb": (shape, sql), "polars": (shape, polars)}


def column(pl, name, *members):
    """A column of Polars, or a member of it."""
    return functools.reduce(lambda value, member: value.struct.field(member), members, pl.col(name))


RECORD = {"id": int, "name": str, "age": int, "ok": bool, "score": float}
EVENT = {
    "id": str,
    "type": str,
    "actor": {
        "id": int,
        "login": str,
        "display_login": str,
        "gravatar_id": str,
        "url": str,
        "avatar_url": str,
    },
    "repo": {"id": int, "name": str, "url": str},
    "payload": {
        "repository_id": int,
        "push_id": int,
        "size": int,
        "distinct_size": int,
        "ref": str,
        "head": str,
        "before": str,
        "commits": [
            {
                "sha": str,
                "author": {"email": str, "name": str},
                "message": str,
                "distinct": bool,
                "url": str,
            }
        ],
    },
    "public": bool,
    "created_at": str,
}
IDENTITY = "SELECT * FROM {lines}"
# Each text as it is: DuckDB checks it, and is faster so where records are large.
IDENTITY_OF_TEXT = "SELECT json AS v FROM {lines}"
LENGTHS = {
    "duckdb": (WHOLE, "SELECT len(json_keys(json)) AS v FROM {lines}"),
    "chdb": (WHOLE, "SELECT JSONLength(json) AS v FROM {lines}"),
}

of_small = functools.partial(Row, SMALL)
of_events = functools.partial(Row, EVENTS)

ROWS = [
    of_small(
        "project",
        ".name",
        columnar(
            {"name": str},
            "SELECT name AS v FROM {lines}",
            lambda pl, lines: lines.select(v="name"),
        ),
    ),
    of_small(
        "select",
        "select(.age > 50)",
        columnar(
            RECORD,
            "SELECT * FROM {lines} WHERE age > 50",
            lambda pl, lines: lines.filter(pl.col("age") > 50),
        ),
    ),
    of_small(
        "object",
        "{id, name}",
        columnar(
            {"id": int, "name": str},
            "SELECT id, name FROM {lines}",
            lambda pl, lines: lines.select("id", "name"),
        ),
    ),
    of_small(
        "CSV out",
        "[.id, .name, .age, .score] | @csv",
        columnar(
            {"id": int, "name": str, "age": int, "score": float},
            "SELECT id, name, age, score FROM {lines}",
            lambda pl, lines: lines.select("id", "name", "age", "score"),
        ),
        CSV,
    ),
    of_small("identity", ".", columnar(RECORD, IDENTITY, lambda pl, lines: lines)),
    of_small("length", "length", LENGTHS),
    of_small(
        "array",
        "[.id, .age, .score]",
        columnar(
            {"id": float, "age": float, "score": float},
            "SELECT [id, age, score] AS v FROM {lines}",
            lambda pl, lines: lines.select(v=pl.concat_list("id", "age", "score")),
        ),
    ),
    of_small(
        "group and sum",
        "reduce inputs as $x ({}; .[$x.age | tostring] += $x.score)",
        columnar(
            {"age": int, "score": float},
            "SELECT age AS k, sum(score) AS v FROM {lines} GROUP BY k",
            lambda pl, lines: lines.group_by(k=pl.col("age")).agg(v=pl.sum("score")),
        ),
        OBJECT,
    ),
    of_small(
        "distinct",
        "reduce inputs as $x ({}; .[$x.name] = true) | keys[]",
        columnar(
            {"name": str},
            "SELECT DISTINCT name AS v FROM {lines}",
            lambda pl, lines: lines.select(v="name").unique(),
        ),
        SET,
    ),
    # As if a record came each second, and `id` were its time.
    of_small(
        "hour buckets",
        "reduce inputs as $x ({}; .[$x.id / 3600 | floor | tostring] += 1)",
        {
            **columnar(
                {"id": int},
                "SELECT id // 3600 AS k, count(*) AS v FROM {lines} GROUP BY k",
                lambda pl, lines: lines.group_by(k=pl.col("id") // 3600).agg(v=pl.len()),
            ),
            "chdb": (
                {"id": int},
                "SELECT intDiv(id, 3600) AS k, count(*) AS v FROM {lines} GROUP BY k",
            ),
        },
        OBJECT,
    ),
    of_events(
        "project",
        ".actor.login",
        columnar(
            {"actor": {"login": str}},
            "SELECT actor.login AS v FROM {lines}",
            lambda pl, lines: lines.select(v=column(pl, "actor", "login")),
        ),
    ),
    of_events(
        "select",
        'select(.type == "PushEvent")',
        {
            **columnar(
                EVENT,
                "SELECT * FROM {lines} WHERE type = 'PushEvent'",
                lambda pl, lines: lines.filter(pl.col("type") == "PushEvent"),
            ),
            "duckdb": (WHOLE, IDENTITY_OF_TEXT + " WHERE json->>'type' = 'PushEvent'"),
        },
    ),
    of_events(
        "object",
        "{id, login: .actor.login}",
        columnar(
            {"id": str, "actor": {"login": str}},
            "SELECT id, actor.login AS login FROM {lines}",
            lambda pl, lines: lines.select("id", login=column(pl, "actor", "login")),
        ),
    ),
    of_events(
        "CSV out",
        "[.id, .type, .actor.login, .repo.name, .created_at] | @csv",
        columnar(
            {
                "id": str,
                "type": str,
                "actor": {"login": str},
                "repo": {"name": str},
                "created_at": str,
            },
            "SELECT id, type, actor.login, repo.name, created_at FROM {lines}",
            lambda pl, lines: lines.select(
                "id",
                "type",
                column(pl, "actor", "login"),
                column(pl, "repo", "name"),
                "created_at",
            ),
        ),
        CSV,
    ),
    of_events(
        "identity",
        ".",
        {
            **columnar(EVENT, IDENTITY, lambda pl, lines: lines),
            "duckdb": (WHOLE, IDENTITY_OF_TEXT),
        },
    ),
    of_events("length", "length", LENGTHS),
    of_events(
        "array",
        "[.payload.commits[].sha]",
        {
            **columnar(
                {"payload": {"commits": [{"sha": str}]}},
                "SELECT [c.sha FOR c IN payload.commits] AS v FROM {lines}",
                lambda pl, lines: lines.select(
                    v=column(pl, "payload", "commits").list.eval(
                        pl.element().struct.field("sha")
                    )
                ),
            ),
            "chdb": (
                {"payload": {"commits": [{"sha": str}]}},
                "SELECT payload.commits.sha AS v FROM {lines}",
            ),
        },
    ),
    of_events(
        "group and sum",
        "reduce inputs as $x ({}; .[$x.type] += $x.payload.size)",
        columnar(
            {"type": str, "payload": {"size": int}},
            "SELECT type AS k, sum(payload.size) AS v FROM {lines} GROUP BY k",
            lambda pl, lines: lines.group_by(k=pl.col("type")).agg(
                v=column(pl, "payload", "size").sum()
            ),
        ),
        OBJECT,
    ),
    of_events(
        "distinct",
        "reduce inputs as $x ({}; .[$x.actor.login] = true) | keys[]",
        columnar(
            {"actor": {"login": str}},
            "SELECT DISTINCT actor.login AS v FROM {lines}",
            lambda pl, lines: lines.select(v=column(pl, "actor", "login")).unique(),
        ),
        SET,
    ),
    of_events(
        "hour buckets",
        "reduce inputs as $x ({}; .[$x.created_at[:13]] += 1)",
        columnar(
            {"created_at": str},
            "SELECT left(created_at, 13) AS k, count(*) AS v FROM {lines} GROUP BY k",
            lambda pl, lines: lines.group_by(k=pl.col("created_at").str.head(13)).agg(v=pl.len()),
        ),
        OBJECT,
    ),
]


def find(file, work):
    return next(row for row in ROWS if (row.file, row.work) == (file, work))


def write(path, file, count):
    """Writes the file's first `count` records, always the same."""
    source = random.Random(1)
    head, tail = HEADS[file], TAIL[file]
    tails = [tail(source) for _ in range(TAILS[file])]
    with open(path, "w", encoding="ascii") as out:
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            chosen = source.choices(tails, k=len(numbers))
            out.write("".join([head % number + text for number, text in zip(numbers, chosen)]))


def record_tail(source):
    # A score that ends in 0 is written in other ways, and would be compared slowly.
    name, ok = f"user{source.randrange(10_000):04d}", "true" if source.random() < 0.7 else "false"
    score = f"{source.randrange(10)}.{source.randrange(1, 10)}"
    return f'"name":"{name}","age":{source.randrange(18, 81)},"ok":{ok},"score":{score}}}\n'


def sha(source):
    return f"{source.getrandbits(160):040x}"


def commit(source, login, repo):
    message = " ".join(source.choices(WORDS, k=source.randint(5, 15)))
    return (
        f'{{"sha":"{sha(source)}","author":{{"email":"{login}@example.com","name":"{login}"}},'
        f'"message":"{message}","distinct":true,'
        f'"url":"https://api.github.com/repos/{repo}/commits/{sha(source)}"}}'
    )


def event_tail(source):
    user, number = source.randrange(1, 10**8), source.randrange(1, 10**8)
    login, repo = f"user-{user % 5000}", f"org{number % 700}/repo-{number % 3000}"
    count = source.choice([0, 1, 1, 1, 2])
    commits = ",".join([commit(source, login, repo) for _ in range(count)])
    time = f"{source.randrange(24):02d}:{source.randrange(60):02d}:{source.randrange(60):02d}"
    return (
        f'"type":"{source.choice(TYPES)}","actor":{{"id":{user},"login":"{login}",'
        f'"display_login":"{login}","gravatar_id":"",'
        f'"url":"https://api.github.com/users/{login}",'
        f'"avatar_url":"https://avatars.githubusercontent.com/u/{user}?"}},'
        f'"repo":{{"id":{number},"name":"{repo}","url":"https://api.github.com/repos/{repo}"}},'
        f'"payload":{{"repository_id":{number},"push_id":{source.randrange(10**9, 10**10)},'
        f'"size":{count},"distinct_size":{count},"ref":"refs/heads/main",'
        f'"head":"{sha(source)}","before":"{sha(source)}","commits":[{commits}]}},'
        f'"public":true,"created_at":"2026-01-{source.randint(1, 28):02d}T{time}Z"}}\n'
    )


HEADS = {SMALL: '{"id":%d,', EVENTS: '{"id":"300%08d",'}
TAIL = {SMALL: record_tail, EVENTS: event_tail}
