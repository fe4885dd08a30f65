"""The servers that service.py and scaling.py load: how each is started, and what it holds.

    servers.installed(binary) -> [Server, ...], ours first
    with server.started(port, workers) as running: running.resident(), running.cpu_seconds()
"""
import contextlib
import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402  (the folder above is on the path only now)

# What rivals write by hand; `small` is for the 42-byte body, `orders` for all others.
PROGRAMS = {
    "small": "{name, total: (.values | add)}",
    "orders": '[.[] | select(.status != "returned")'
    " | {city: .customer.address.city, units: ([.items[].qty] | add), total}]"
    " | group_by(.city) | map({city: .[0].city, orders: length,"
    " units: (map(.units) | add), total: (map(.total) | add)})",
}
SMALL = b'{"id":7,"name":"Ada","values":[1,2,3,455]}'


class NotUp(Exception):
    """A server that was started and does not answer."""


@dataclasses.dataclass
class Server:
    """A server to load: `command` is filled with {port} and {workers}, `paths` by program."""

    name: str
    command: list
    paths: dict

    def url(self, port, program):
        """Where a body for this program is posted to, or None when the server lacks it."""
        path = self.paths.get(program)
        return path and f"http://127.0.0.1:{port}{path}"

    @contextlib.contextmanager
    def started(self, port, workers):
        command = [word.format(port=port, workers=workers) for word in self.command]
        child = subprocess.Popen(
            command, cwd=HERE, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            running = Running(self, port, child)
            running.wait_until_up()
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                pass
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@dataclasses.dataclass
class Running:
    server: Server
    port: int
    child: subprocess.Popen

    def url(self, program):
        return self.server.url(self.port, program)

    def post(self, program, body):
        request = urllib.request.Request(
            self.url(program), body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.read()

    def wait_until_up(self):
        program = next(iter(self.server.paths))
        body = SMALL if program == "small" else b"[]"
        for _ in range(200):
            try:
                return self.post(program, body)
            except OSError:
                if self.child.poll() is not None:
                    break
                time.sleep(0.1)
        raise NotUp(f"{self.server.name} does not answer")

    def processes(self):
        """The server's process and all that it has started."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    fields = stat_fields(int(entry))
                    parents.setdefault(int(fields[1]), []).append(int(entry))
        found, next_ones = [], [self.child.pid]
        while next_ones:
            found += next_ones
            next_ones = [child for pid in next_ones for child in parents.get(pid, [])]
        return found

    def resident(self):
        """Bytes of memory: resident for one process, the sum of fair shares (PSS) for several."""
        processes = self.processes()
        field = "Rss" if len(processes) == 1 else "Pss"
        kilobytes = 0
        for pid in processes:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as facts:
                kilobytes += int(re.search(rf"^{field}:\s+(\d+)", facts.read(), re.M).group(1))
        return kilobytes * 1024

    def cpu_seconds(self):
        """User and system time of all its processes since they started."""
        ticks = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                ticks += sum(map(int, stat_fields(pid)[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stat_fields(pid):
    """/proc/PID/stat from the state on: 0 state, 1 parent, 11 and 12 user and system ticks."""
    with open(f"/proc/{pid}/stat") as facts:
        return facts.read().rpartition(")")[2].split()


def installed(binary):
    """Ours first, then every rival that rivals/build.sh could get."""
    ours = {
        name: "/transform?program=" + urllib.parse.quote(program, safe="")
        for name, program in PROGRAMS.items()
    }
    python = harness.python()
    by_path = {"small": "/small", "orders": "/transform"}
    servers = [Server(harness.OURS, [binary, "serve", "--port", "{port}", "--queue-wait-percent", "100"], ours)]
    rust = os.path.join(harness.RIVALS, "rust-rival")
    if os.access(rust, os.X_OK):
        servers.append(Server("Rust, hyper", [rust, "{port}", "{workers}"], by_path))
        typed = {"orders": "/typed"}
        servers.append(Server("Rust, typed structs", [rust, "{port}", "{workers}"], typed))
    go = os.path.join(harness.RIVALS, "go-rival")
    if os.access(go, os.X_OK):
        servers.append(Server("Go, net/http", [go, "{port}", "{workers}"], by_path))
    commands = {
        "fastapi": ("FastAPI, uvicorn", [
            python, "-m", "uvicorn", "fastapi_app:app", "--workers", "{workers}",
            "--port", "{port}", "--log-level", "error", "--no-access-log",
        ]),
        "robyn": ("Robyn", [
            python, "robyn_app.py", "{port}", "--processes", "{workers}", "--log-level", "ERROR",
        ]),
        "flask": ("Flask, gunicorn", [
            python, "-m", "gunicorn", "flask_app:app", "--workers", "{workers}",
            "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:{port}",
            "--log-level", "error",
        ]),
    }
    for package, (name, command) in commands.items():
        if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0:
            servers.append(Server(name, command, by_path))
    return servers
