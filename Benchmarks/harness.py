"""Runs commands in turn and turns their times and peak memory into rows, Markdown and JSON.

    engines = harness.engines(binary)            ours first, then each rival that is installed
    run = harness.measure(engine, program, path) -> Run(wall, cpu, peak, message, status)
    samples = harness.interleave({name: action}, rounds)    one action of each in turn, per round
    harness.ratio(theirs, ours)                  {"min": .., "median": .., "low": .., "high": ..}
    harness.save(folder, "documents", data, markdown, {"ratios": svg})

Times on a shared machine only ever grow, so the least of N rounds is the figure that tables lead
with; the median and the range of the ratios of each round stand beside it as the spread.
"""
import dataclasses
import datetime
import functools
import json
import math
import os
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from differential import engines as jq_source

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
RIVALS = os.path.join(ROOT, ".build", "rivals")
SHARED = os.environ.get("SHARED_DIR", os.path.join(ROOT, "..", "shared"))
BINARY = os.path.join(ROOT, ".build", "release", "transform-service")
RESULTS = os.path.join(HERE, "results")
OURS = "ours"


@dataclasses.dataclass
class Engine:
    """A command that takes a jq program and a file: `argv OPTIONS PROGRAM PATH`."""

    name: str
    argv: list
    version: str
    # The command writes its own "seconds cpu-seconds" as the last line of stderr.
    own_clock: bool = False

    def command(self, program, path, raw=False):
        return self.argv + ["-r" if raw else "-c", program, path]


@dataclasses.dataclass
class Run:
    wall: float
    cpu: float
    peak: int
    message: str
    status: int


def version(argv, pattern=r"[0-9]+(?:\.[0-9]+)+"):
    """The first version number that the command prints, or None if it does not run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(0) if found else "unknown"


def tool(name):
    """The path of a rival: from the rivals' folder, else from PATH, never a pyenv shim."""
    if name == "jq":
        return jq_path()
    own = os.path.join(RIVALS, "venv", "bin", name)
    if os.access(own, os.X_OK):
        return own
    path = shutil.which(name)
    if path and "/shims/" in path:
        found = subprocess.run(["pyenv", "which", name], capture_output=True, text=True)
        path = found.stdout.strip() or None
    return path


@functools.cache
def jq_path():
    """jq 1.8.2, which is built where it is missing, or None; distributions have older ones."""
    try:
        return jq_source.find_jq()
    except (OSError, StopIteration, subprocess.CalledProcessError) as error:
        print(f"jq {jq_source.VERSION} can't be built: {error}")
        return None


def python():
    """The Python that has the rivals' packages."""
    own = os.path.join(RIVALS, "venv", "bin", "python3")
    return own if os.access(own, os.X_OK) else os.path.realpath(sys.executable)


def engines(binary):
    """Ours first, then every rival of the language that is installed."""
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is missing: run make build, or name another with --binary")
    found = [Engine(OURS, [binary, "run"], version([binary, "--version"]) or "unknown")]
    for name in ["jaq", "gojq", "jq"]:
        path = tool(name)
        number = path and version([path, "--version"])
        if number:
            found.append(Engine(f"{name} {number}", [path], number))
    library = [python(), os.path.join(HERE, "libjq.py")]
    number = version(library + ["--version"], r"^[0-9]+(?:\.[0-9]+)+")
    if number and number != "unknown":
        found.append(Engine(f"libjq {number}", library, number, own_clock=True))
    return found


def measure(engine, program, path, raw=False, output=os.devnull, seconds=None, peak=False):
    """Runs the program on the file once, its answer into the file `output`.

    A run over `seconds` is ended, and its status is None. What the system says of a child's peak
    memory is at least that of the Python that started it; with `peak` GNU time, which is small,
    starts it instead, at the price of half a millisecond.
    """
    command = engine.command(program, path, raw)
    watch = tempfile.NamedTemporaryFile() if peak and shutil.which("time") else None
    if watch:
        command = [shutil.which("time"), "-q", "-f", "%M", "-o", watch.name] + command
    with open(output, "wb") as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
        ended = timed_out(child, seconds)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        err.seek(0)
        message = err.read().decode(errors="replace")
    if engine.own_clock and child.returncode == 0:
        wall, cpu = map(float, message.split()[-2:])
    status = None if ended() else child.returncode
    kilobytes = int(watch.read()) if watch and status == 0 else usage.ru_maxrss
    return Run(wall, cpu, kilobytes * 1024, message, status)


def timed_out(child, seconds):
    """Arms a timer that ends the child; what it returns disarms it and tells whether it fired."""
    fired = []

    def end(*_):
        fired.append(True)
        os.killpg(child.pid, signal.SIGKILL)

    if seconds:
        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def disarm():
        signal.setitimer(signal.ITIMER_REAL, 0)
        return bool(fired)

    return disarm


def in_child(body):
    """The JSON-able result of `body`, run in a process of its own.

    A child's peak memory counts that of the parent it was forked from, so what is large (reading
    60 MB to compare it) must not happen in the process that measures.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            with os.fdopen(write, "w") as pipe:
                json.dump(body(), pipe)
            os._exit(0)
        except BaseException as error:  # the child must never return into the caller's stack
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        sys.exit("a check ended with an error")
    return json.loads(text)


def interleave(actions, rounds, seconds=0, rounds_max=15):
    """{name: [result, ...]}: each round runs every action once, so that noise meets all alike.

    After `rounds` there are more, up to `rounds_max` in all, until `seconds` are over: what takes
    milliseconds is disturbed most, and costs least to do again.
    """
    results = {name: [] for name in actions}
    names = list(actions)
    end = time.monotonic() + seconds
    for number in range(max(rounds, rounds_max)):
        if number >= rounds and time.monotonic() >= end:
            break
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(actions[name]())
    return results


def ratio(theirs, ours):
    """How many times longer theirs took: of the least, of the medians, and each round's range."""
    rounds = [a / b for a, b in zip(theirs, ours)]
    return {
        "min": min(theirs) / min(ours),
        "median": statistics.median(theirs) / statistics.median(ours),
        "low": min(rounds),
        "high": max(rounds),
    }


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def fitted_exponent(xs, ys):
    """The slope of the least-squares line through (log x, log y): 1 is linear."""
    logs = [(math.log(x), math.log(y)) for x, y in zip(xs, ys)]
    x_mean = statistics.fmean(x for x, _ in logs)
    y_mean = statistics.fmean(y for _, y in logs)
    spread = sum((x - x_mean) ** 2 for x, _ in logs)
    return sum((x - x_mean) * (y - y_mean) for x, y in logs) / spread


def canonical(text, raw=False):
    """Outputs to compare: lines as text, or JSON values with every number a double."""
    if raw:
        return text.decode().splitlines()
    decoder = json.JSONDecoder(parse_int=float)
    text = text.decode()
    values, offset = [], 0
    space = re.compile(r"\s*")
    while (offset := space.match(text, offset).end()) < len(text):
        value, offset = decoder.raw_decode(text, offset)
        values.append(value)
    return values


def agree(a, b):
    """Equal as JSON; two numbers are equal when they differ by less than one part in 1e12."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or math.isclose(a, b, rel_tol=1e-12)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(agree, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(agree(a[key], b[key]) for key in a)
    return a == b


def outvoted(verdicts):
    """Whether more of the rivals that answered differ from us than agree."""
    return verdicts.count("differs") > verdicts.count("equal")


def machine():
    """What the figures were taken on, in one line's worth of facts."""
    model = platform.machine()
    try:
        with open("/proc/cpuinfo") as facts:
            found = re.search(r"model name\s*:\s*(.+)", facts.read())
        model = found.group(1).strip() if found else model
    except OSError:
        pass
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load": round(os.getloadavg()[0], 2),
    }


def machine_line(facts):
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, {facts['date']}; "
        f"load average {facts['load']} at the start."
    )


def table(header, rows):
    """A Markdown table; every column but the first is right-aligned."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def size_text(count):
    """Bytes as people say them: 42 B, 11 kB, 60 MB."""
    for unit, scale in [("MB", 1_000_000), ("kB", 1000)]:
        if count >= scale:
            number = count / scale
            return f"{number:.0f} {unit}" if number >= 9.95 else f"{number:.1f} {unit}"
    return f"{count} B"


def seconds_text(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def save(folder, name, data, markdown, drawings):
    """Writes NAME.json, NAME.md and NAME-DRAWING.svg into the folder and says where."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{name}.json"), "w") as out:
        json.dump(data, out, indent=1, ensure_ascii=False)
        out.write("\n")
    with open(os.path.join(folder, f"{name}.md"), "w") as out:
        out.write(markdown)
    for drawing, svg in drawings.items():
        with open(os.path.join(folder, f"{name}-{drawing}.svg"), "w") as out:
            out.write(svg)
    print(f"written to {os.path.relpath(folder)}/{name}.{{md,json}}")


def limit_files(count):
    """Raises the number of files that this process may have open; returns what it got."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
