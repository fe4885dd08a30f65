#!/usr/bin/env python3
"""Batches through proxies: whole, or failed at the client, never short with status 200.

    proxies.py [--batches 50] [--lines 200000] [--proxies none,nginx,nginx-defaults,haproxy,envoy] [--binary PATH]

Each proxy stands in front of two services, with deploy's configuration; `nginx-defaults` is a bare `proxy_pass` to one
of them, which speaks HTTP/1.0 to it, and `none` no proxy. curl sends the batches, two at a time: with Content-Length and
chunked in turn, and every other pair reads at 8 MB/s only. Then as many batches follow whose last line is no JSON:
their answers are cut behind most of their outputs, so each has to be an error at the client. An answer of status 200
that curl takes for complete and that is not what the lines yield is short; one is enough for exit status 1.
"""
import argparse
import collections
import concurrent.futures
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import harness
from restart import free_ports

DEPLOY = os.path.join(harness.ROOT, "deploy")
BATCH_SECONDS = 60
BYTES_A_SECOND = 8_000_000
PROGRAM = "[.n, .text]"
DEFAULTS = """
daemon off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path unused-fastcgi;
    uwsgi_temp_path unused-uwsgi;
    scgi_temp_path unused-scgi;
    client_max_body_size 0;
    server {
        listen 127.0.0.1:8000;
        location / { proxy_pass http://127.0.0.1:8001; }
    }
}
"""


def tool(name):
    """A program of PATH, of /usr/sbin, or that pip installed beside this Python."""
    folders = [os.environ.get("PATH", ""), "/usr/sbin", os.path.dirname(sys.executable)]
    return shutil.which(name, path=os.pathsep.join(folders))


def configuration(text, ports, folder, name):
    """Writes the text with other ports than those of deploy's files; returns the path."""
    for there, here in zip(("8000", "8001", "8002", "9901"), ports):
        text = text.replace(f"127.0.0.1:{there}", f"127.0.0.1:{here}")
        text = text.replace(f"port_value: {there}", f"port_value: {here}")
    path = os.path.join(folder, name)
    with open(path, "w") as out:
        out.write(text)
    return path


def command(name, ports, folder):
    """What starts the proxy on the first port, before services on the next two."""
    file = {"haproxy": "haproxy.cfg", "envoy": "envoy.yaml", "nginx": "nginx.conf"}.get(name)
    text = DEFAULTS
    if file:
        with open(os.path.join(DEPLOY, file)) as source:
            text = source.read()
    path = configuration(text, ports, folder, file or "defaults.conf")
    if name == "haproxy":
        return [tool("haproxy"), "-db", "-f", path]
    if name == "envoy":
        return [tool("envoy"), "--concurrency", "2", "--disable-hot-restart", "-l", "warning", "-c", path]
    return [tool("nginx"), "-e", "stderr", "-p", folder, "-c", path]


def until_ready(port, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def send(url, path, expected, number):
    """One batch -> "whole", "failed" or "short"."""
    with tempfile.NamedTemporaryFile() as answer:
        argv = ["curl", "-s", "-o", answer.name, "-w", "%{http_code}", "--max-time", str(BATCH_SECONDS),
                "-H", "Content-Type: application/x-ndjson", "-H", "Expect:", "-X", "POST"]
        if number % 4 >= 2:
            argv += ["--limit-rate", str(BYTES_A_SECOND)]
        is_chunked = number % 2 == 1
        argv += ["-H", "Transfer-Encoding: chunked"] if is_chunked else []
        argv += ["-T", path, url]
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0 or done.stdout != "200":
            return "failed"
        return "whole" if filecmp.cmp(answer.name, expected, shallow=False) else "short"


def measure(name, options, files):
    """One proxy: its row of the table, and how many answers were short."""
    ports = free_ports(4)
    processes = []
    counts = {}
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "log"), "w") as log:
        # nginx's processes are another user's where it is started by root.
        os.chmod(folder, 0o755)
        try:
            for port in ports[1:3]:
                processes.append(subprocess.Popen(
                    [options.binary, "serve", "--port", str(port), "--log-level", "error"], stdout=subprocess.DEVNULL))
                until_ready(port)
            front = ports[1]
            if name != "none":
                processes.append(subprocess.Popen(command(name, ports, folder), stdout=log, stderr=log))
                front = ports[0]
                until_ready(front)
            url = f"http://127.0.0.1:{front}/transform?program={urllib.parse.quote(PROGRAM)}"
            start = time.monotonic()
            for kind, path in files["bodies"].items():
                with concurrent.futures.ThreadPoolExecutor(2) as pool:
                    counts[kind] = collections.Counter(pool.map(
                        lambda number: send(url, path, files["expected"], number), range(options.batches)))
            seconds = time.monotonic() - start
        finally:
            # The proxy first, so that it has no replicas to miss.
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(30)
    good, bad = counts["good"], counts["bad"]
    row = [name, good["whole"], good["failed"], good["short"], bad["failed"], bad["whole"] + bad["short"],
           f"{seconds:.0f}"]
    return row, good["short"] + bad["whole"] + bad["short"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--proxies", default="none,nginx,nginx-defaults,haproxy,envoy",
                        help="those that are not installed are left out")
    parser.add_argument("--binary", default=harness.BINARY)
    options = parser.parse_args()
    rows, short_count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: os.path.join(folder, kind) for kind in ("good", "bad", "expected")}
        with open(paths["good"], "w") as good, open(paths["expected"], "w") as expected:
            for n in range(options.lines):
                good.write(f'{{"n":{n},"text":"xxxxxxxxxxxxxxxxxxxxxxxx"}}\n')
                expected.write(f'[{n},"xxxxxxxxxxxxxxxxxxxxxxxx"]\n')
        shutil.copyfile(paths["good"], paths["bad"])
        with open(paths["bad"], "a") as bad:
            bad.write("no JSON\n")
        files = {"bodies": {"good": paths["good"], "bad": paths["bad"]}, "expected": paths["expected"]}
        for name in options.proxies.split(","):
            if name != "none" and not tool(name.partition("-")[0]):
                print(f"{name} is not installed")
                continue
            row, count = measure(name, options, files)
            rows.append(row)
            short_count += count
    header = ["proxy", "whole", "failed", "short", "bad: failed", "bad: short", "s"]
    print(harness.table(header, rows), end="")
    sys.exit(1 if short_count or not rows else 0)


if __name__ == "__main__":
    main()
