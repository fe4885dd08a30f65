#!/usr/bin/env python3
"""How long a worker goes on behind a deadline, for every builtin and operator on large operands.

    deadlines.py [--binary PATH] [--mib N] [--timeout-ms N] [--only TEXT]

Each case of Tests/TransformsTests/Fixtures/deadlines.txt is sent to a service with one worker: a loop over
the case's filter, on operands of N MiB (default 48), which its deadline ends (default 700 ms, after what it
takes to make the operands). What is told is the processor's time that the whole process took from the
deadline on, until it takes none: of other processes beside it nothing depends but the deadline's moment. A
case may take 20 ms; those that take more three times in a row are listed, and the exit status is 1. Then the
longest ones. Meanwhile `/livez` is asked ten times a second: a failure is told, and the exit status is 1.
"""
import argparse
import http.client
import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "..", "Tests", "TransformsTests", "Fixtures", "deadlines.txt")
PORT = 8147
OVERRUN_MS_MAX = 20


def load():
    values, cases = {}, []
    with open(CASES, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("value "):
                name, rest = line[6:].split(": ", 1)
                values[name] = rest.split(" ;; ")
            elif line and not line.startswith("#"):
                cases.append(line.split("  ", 2))
    return values, cases


class Process:
    """A running service, and the processor's time that it has taken."""

    def __init__(self, binary):
        self.process = subprocess.Popen(
            [binary, "serve", "--port", str(PORT), "--workers", "1", "--event-loops", "1", "--memory-mib", "512",
             "--output-mib", "512", "--timeout-ms", "10000", "--log-level", "error"], stderr=subprocess.DEVNULL)
        self.clock = (~self.process.pid << 3) | 2
        for _ in range(100):
            try:
                http.client.HTTPConnection("127.0.0.1", PORT, timeout=5).connect()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("the service did not start")

    def seconds(self):
        return time.clock_gettime(self.clock)

    def settle(self):
        """Waits until no time is taken; the time taken by then."""
        last = self.seconds()
        while True:
            time.sleep(0.02)
            now = self.seconds()
            if now - last < 0.0005:
                return now
            last = now


class Probe(threading.Thread):
    """Asks `/livez` on a kept connection; its requests take too little for a case's time to show them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.milliseconds = []
        self.failures = []
        self.is_over = threading.Event()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        while not self.is_over.wait(0.1):
            start = time.monotonic()
            try:
                connection.request("GET", "/livez")
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    self.failures.append(response.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            self.milliseconds.append((time.monotonic() - start) * 1000)
        connection.close()

    def end(self):
        """How often it asked, how often that failed, and how long answers took."""
        self.is_over.set()
        self.join()
        times = sorted(self.milliseconds) or [0]
        p99 = times[len(times) * 99 // 100]
        return (f"/livez: asked {len(self.milliseconds)} times, failed {len(self.failures)} times "
                f"{self.failures[:3] or ''}, p99 {p99:.1f} ms, longest {times[-1]:.1f} ms")


def overrun_ms(service, program, timeout_ms):
    """The time that is taken behind the deadline, and the answer's status."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.connect()
    at_deadline = []

    def look():
        time.sleep(max(0, start + timeout_ms / 1000 - time.monotonic()))
        at_deadline.append(service.seconds())

    body = json.dumps({"program": program})
    watcher = threading.Thread(target=look)
    start = time.monotonic()
    watcher.start()
    connection.request("POST", "/transform", body, {
        "Content-Type": "application/json", "X-Request-Timeout-Ms": str(timeout_ms)})
    try:
        response = connection.getresponse()
        response.read()
        status = response.status
    except (OSError, http.client.HTTPException) as error:
        status = repr(error)
    watcher.join()
    end = service.settle()
    connection.close()
    return (end - at_deadline[0]) * 1000, status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(HERE, "../.build/release/transform-service"))
    parser.add_argument("--mib", type=int, default=48)
    parser.add_argument("--timeout-ms", type=int, default=700)
    parser.add_argument("--only", default="", help="cases whose line has this text")
    options = parser.parse_args()
    values, cases = load()
    service = Process(options.binary)
    results = []
    probe = Probe()
    probe.start()
    try:
        for name, operands, text in cases:
            if options.only not in f"{name}  {operands}  {text}":
                continue
            first, second = values[operands]
            program = (f"{options.mib << 20} as $n | ({first}) as $v | ({second}) as $w | "
                       f"reduce range(1000000000) as $i (0; $v | first((try ({text}) catch 1 | 1), 0))")
            # A process that was not run for a while, or sent late, is not the service's doing: what is, comes again.
            for _ in range(3):
                over, status = overrun_ms(service, program, options.timeout_ms)
                if over <= OVERRUN_MS_MAX:
                    break
            results.append((over, name, operands, text, status))
            if over > OVERRUN_MS_MAX:
                print(f"{over:8.1f} ms  {name}  {operands}  {text}  ({status})", flush=True)
            if service.process.poll() is not None:
                sys.exit(f"the service is gone: {name}  {operands}  {text}")
    finally:
        probed = probe.end()
        service.process.kill()
        service.process.wait()
    results.sort(key=lambda result: -result[0])
    print(f"{len(results)} cases, {sum(r[4] == 504 for r in results)} ended by the deadline; the longest:")
    for over, name, operands, text, status in results[:10]:
        print(f"{over:8.1f} ms  {name}  {operands}  {text}  ({status})")
    print(probed)
    return 1 if results[0][0] > OVERRUN_MS_MAX or probe.failures else 0


if __name__ == "__main__":
    sys.exit(main())
