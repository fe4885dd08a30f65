#!/usr/bin/env python3
"""`POST /transform` beyond saturation: open-loop load at 0.5, 1, 2, 5 and 10 times what it can do.

    overload.py [--quick] [--seconds N] [--binary PATH] [--output NAME] [--flags "--workers 2"]

Requests leave at Poisson times that do not depend on answers; latency counts from the time at which a
request was to leave. Each allows 1 s (X-Request-Timeout-Ms). A program of about 10 ms makes the load;
then the mix: 99 % of requests take 0.1 ms, 1 % a thousand times that. Another process asks /livez 50
times a second. After each level half the saturation is offered; recovery is the time from the end of the
level to the last request that was then refused, late or slow (150 ms). Prints a table; writes NAME.json
and NAME.svg. The driver shares the machine with the service.
"""
import argparse
import collections
import json
import math
import multiprocessing
import os
import platform
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 1.0
SLOW = 0.150
LEVELS = [0.5, 1, 2, 5, 10]
CONNECTIONS_MAX = 3000
LENGTH = re.compile(rb"ontent-[Ll]ength: (\d+)")
Answer = collections.namedtuple("Answer", "kind due sent seconds status")


def request(program):
    body = json.dumps({"program": program}).encode()
    head = (
        "POST /transform HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Request-Timeout-Ms: {int(DEADLINE * 1000)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Driver:
    """Requests over keep-alive connections, one at a time on each, from one thread with epoll."""

    def __init__(self, port):
        self.port, self.idle, self.busy, self.answers = port, [], {}, []
        self.poller = select.epoll()

    def send(self, kind, due, data):
        try:
            if self.idle:
                connection = self.idle.pop()
            else:
                connection = socket.create_connection(("127.0.0.1", self.port), 5)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.poller.register(connection, select.EPOLLIN)
            self.busy[connection.fileno()] = [connection, kind, due, time.perf_counter(), b""]
            connection.sendall(data)
        except OSError:
            self.answers.append(Answer(kind, due, due, time.perf_counter() - due, 0))

    def poll(self, seconds):
        """Takes in what has come; returns the connections that are free again."""
        for number, _ in self.poller.poll(max(0, seconds)):
            job = self.busy.get(number)
            if job is None:  # the service closed a connection that waits here
                closed = next(c for c in self.idle if c.fileno() == number)
                self.idle.remove(closed)
                self.poller.unregister(closed)
                closed.close()
                continue
            connection, kind, due, sent, received = job
            data = connection.recv(65536)
            received += data
            end = received.find(b"\r\n\r\n")
            if data and (end < 0 or len(received) < end + 4 + int(LENGTH.search(received).group(1))):
                job[4] = received
                continue
            del self.busy[number]
            status = int(received[9:12]) if data else 0
            self.answers.append(Answer(kind, due, sent, time.perf_counter() - due, status))
            if data and b"onnection: close" not in received:
                self.idle.append(connection)
            else:
                self.poller.unregister(connection)
                connection.close()

    def run(self, rate, seconds, choose):
        """Offers `rate` requests a second; their answers, in the order in which they came."""
        self.answers = []
        start = time.perf_counter()
        due = start + random.expovariate(rate)
        while due < start + seconds:
            while due <= time.perf_counter():
                kind, data = choose()
                if len(self.busy) < CONNECTIONS_MAX:
                    self.send(kind, due, data)
                else:
                    self.answers.append(Answer(kind, due, due, DEADLINE, -1))
                due += random.expovariate(rate)
            self.poll(due - time.perf_counter())
        return self.answers

    def settle(self):
        """Waits for the answers that are still to come."""
        end = time.perf_counter() + 3 * DEADLINE
        while self.busy and time.perf_counter() < end:
            self.poll(0.01)

    def closed(self, count, seconds, data):
        """Answers a second of `count` clients that send the next request on each answer."""
        self.answers = []
        start = time.perf_counter()
        while (now := time.perf_counter()) < start + seconds:
            while len(self.busy) < count:
                self.send("all", now, data)
            self.poll(0.1)
        done = sum(answer.status == 200 for answer in self.answers)
        self.settle()
        return done / (time.perf_counter() - start)


def probe(port, stop, pipe):
    """Asks /livez every 20 ms; sends the seconds that each answer took."""
    took = []
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(10)
    due = time.perf_counter()
    while not stop.is_set():
        due += 0.02
        time.sleep(max(0, due - time.perf_counter()))
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.recv(4096)
        took.append(time.perf_counter() - due)
        if not answer.startswith(b"HTTP/1.1 200"):
            took.append(10.0)
    pipe.send(took)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


def measure(server, port, name, rate, seconds, choose, calm_rate):
    driver = Driver(port)
    stop = multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(False)
    prober = multiprocessing.Process(target=probe, args=(port, stop, sender))

    prober.start()
    used, began = time.process_time(), time.perf_counter()
    answers = driver.run(rate, seconds, choose)
    end = time.perf_counter()
    used = (time.process_time() - used) / (end - began)
    stop.set()
    after = driver.run(calm_rate, 3, choose)
    driver.settle()
    after = [a for a in after if a.due >= end]
    answers += [a for a in driver.answers if a.due < end]
    live = receiver.recv()
    prober.join()
    begin = min(a.due for a in answers)
    steady = [a for a in answers if a.due >= begin + min(1, seconds / 4)]
    span = seconds - min(1, seconds / 4)
    good = [a for a in steady if a.status == 200 and a.seconds <= DEADLINE]
    refused = [a.seconds for a in steady if a.status == 503]
    late = [a for a in steady if a.status not in (200, 503) or a.seconds > DEADLINE]
    bad = [a.due - end for a in after
           if a.status != 200 or a.seconds > SLOW and a.kind != "large"]
    row = {
        "name": name, "offered": len(steady) / span, "goodput": len(good) / span,
        "p50_ms": percentile([a.seconds for a in good], 0.5),
        "p99_ms": percentile([a.seconds for a in good], 0.99),
        "refused_p99_ms": percentile(refused, 0.99), "refused": len(refused),
        "livez_p99_ms": percentile(live, 0.99),
        "late_percent": 100 * len(late) / max(1, len(good) + len(late)),
        "rss_mib": resident_mib(server.pid), "recovery_s": max(0, max(bad, default=0)),
        "driver_lag_p99_ms": percentile([a.sent - a.due for a in steady], 0.99),
        "driver_cores": used,
        "statuses": dict(collections.Counter(a.status for a in steady)),
    }
    for key in row:
        if key.endswith("_ms") and row[key] is not None:
            row[key] *= 1000
    for kind in sorted({a.kind for a in steady}):
        times = [a.seconds for a in good if a.kind == kind]
        row[f"{kind}_p99_ms"] = 1000 * percentile(times, 0.99) if times else None
        row[f"{kind}_goodput"] = len(times) / span
        row[f"{kind}_offered"] = sum(a.kind == kind for a in steady) / span
    return row


def show(row):
    def text(key, digits=1):
        return "-" if row.get(key) is None else f"{row[key]:.{digits}f}"

    cells = [
        row["name"], text("offered", 0), text("goodput", 0), text("p50_ms"), text("p99_ms"),
        text("refused_p99_ms"), text("livez_p99_ms"), text("late_percent", 2), text("rss_mib", 0),
        text("recovery_s", 2), text("driver_lag_p99_ms"), text("driver_cores", 2),
    ]
    if "small_p99_ms" in row:
        cells += [f"small {text('small_p99_ms')} ms of {text('small_goodput', 0)}/s,",
                  f"large {text('large_p99_ms')} ms of {text('large_goodput')}/s"]
    print(" | ".join(f"{cell:>8}" for cell in cells), flush=True)


def run_nanoseconds(port, count):
    """Time of `last(range(count))` in the server, unloaded: the lower quartile."""
    took = []
    for _ in range(15):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request(f"last(range({count}))"))
            took.append(float(re.search(rb"run;dur=([0-9.]+)", connection.recv(4096)).group(1)))
    return sorted(took[3:])[len(took) // 4] * 1e6


def start(options):
    server = subprocess.Popen(
        [options.binary, "serve", "--port", "0"] + options.flags.split(),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, int(server.stdout.readline().rsplit(":", 1)[1])


def plot(rows, saturation, path):
    """Goodput and 99th percentiles over the load, as SVG."""
    rows = [row for row in rows if not row["name"].startswith("mix")]
    left = {level: 70 + 80 * i for i, level in enumerate(LEVELS)}
    x = {row["name"]: left[row["level"]] for row in rows}
    peak = max(row["goodput"] for row in rows)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="900" height="300" '
           'font-family="sans-serif" font-size="12">', '<rect width="900" height="300" fill="#fff"/>']

    def panel(dx, title, series, height, labels):
        out.append(f'<g transform="translate({dx},0)"><text x="70" y="24" font-size="14">{title}</text>')
        for value, label in labels:
            y = height(value)
            out.append(f'<path d="M60 {y:.1f}H400" stroke="#ddd"/>'
                       f'<text x="54" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for row in rows:
            out.append(f'<text x="{x[row["name"]]}" y="270" text-anchor="middle">{row["name"]}</text>')
        for i, (name, colour, values) in enumerate(series):
            points = [(x[n], height(v)) for n, v in values if v]
            line = " ".join(f"{a},{b:.1f}" for a, b in points)
            out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out.extend(f'<circle cx="{a}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points)
            out.append(f'<text x="{70 + 110 * i}" y="42" fill="{colour}">{name}</text>')
        out.append('<text x="230" y="290" text-anchor="middle">offered, times saturation</text></g>')

    panel(0, f"Goodput, requests/s (saturation {saturation:.0f})",
          [("done in time", "#06c", [(r["name"], r["goodput"]) for r in rows])],
          lambda v: 250 - 190 * v / (1.1 * peak), [(peak * f / 4, f"{peak * f / 4:.0f}") for f in range(5)])
    panel(450, "99th percentile, ms",
          [(name, colour, [(r["name"], r[key]) for r in rows]) for name, colour, key in
           [("accepted", "#06c", "p99_ms"), ("refused", "#c30", "refused_p99_ms"),
            ("/livez", "#393", "livez_p99_ms")]],
          lambda v: 250 - 190 * math.log10(max(v, 0.1) / 0.1) / 4,
          [(v, f"{v:g}") for v in (0.1, 1, 10, 100, 1000)])
    with open(path, "w") as file:
        file.write("\n".join(out + ["</svg>\n"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 s a level, and fewer levels of the mix")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--binary", default=os.path.join(HERE, "../.build/release/transform-service"))
    parser.add_argument("--output", default=os.path.join(HERE, "overload"))
    parser.add_argument("--flags", default="", help="more flags for `serve`")
    parser.add_argument("--only", choices=["levels", "mix"])
    options = parser.parse_args()
    seconds = 3 if options.quick else options.seconds
    random.seed(1)
    server, port = start(options)
    rows = []
    try:
        count = int(1e7 / run_nanoseconds(port, 1_000_000) * 1_000_000)
        ten = run_nanoseconds(port, count)
        data = request(f"last(range({count}))")
        saturation = max(
            Driver(port).closed(8, 2 if options.quick else 4, data) for _ in range(3))
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
              f"a run takes {ten / 1e6:.1f} ms, saturation {saturation:.0f}/s, {seconds:g} s a level")
        print("    load |  offered |  goodput |   p50 ms |   p99 ms |  503 p99 | livez p99 |  late % "
              "|  RSS MiB | recov. s | lag p99 ms | driver cores")
        if options.only != "mix":
            for level in LEVELS:
                row = measure(server, port, f"{level:g}x", level * saturation, seconds,
                              lambda: ("all", data), 0.5 * saturation)
                row["level"] = level
                show(row)
                rows.append(row)
        if options.only != "levels":
            small, large = request(f"last(range({count // 100}))"), request(f"last(range({count * 10}))")
            mean = 0.99 * ten / 100 + 0.01 * ten * 10
            mixed = 2e9 / mean * (saturation * ten / 2e9)
            for level in [0.5, 1] if options.quick else [0.5, 1, 2, 3]:
                row = measure(
                    server, port, f"mix {level:g}x", level * mixed, seconds,
                    lambda: ("large", large) if random.random() < 0.01 else ("small", small),
                    0.25 * mixed)
                show(row)
                rows.append(row)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    result = {"cores": os.cpu_count(), "saturation": saturation, "run_ms": ten / 1e6,
              "seconds": seconds, "rows": rows}
    with open(options.output + ".json", "w") as file:
        json.dump(result, file, indent=1)
    if options.only != "mix":
        plot(rows, saturation, options.output + ".svg")
        levels = [row for row in rows if "level" in row]

        def worst(value):
            """The least from twice saturation on, in percent of the peak."""
            peak = max(map(value, levels))
            return 100 * min(value(row) for row in levels if row["level"] >= 2) / peak

        print(f"goodput at 2x and beyond: at least {worst(lambda row: row['goodput']):.0f} % of its peak; "
              "by the CPU time that the driver leaves: "
              f"{worst(lambda row: row['goodput'] / (os.cpu_count() - row['driver_cores'])):.0f} %")


if __name__ == "__main__":
    main()
