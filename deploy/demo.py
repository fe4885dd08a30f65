#!/usr/bin/env python3
"""Both services on this machine, without containers, until Ctrl-C: `make demo`.

TRANSFORM_SERVICE names the binary; DEMO_TASKS_PORT (8000), DEMO_TRANSFORM_PORT (8001) and
DEMO_FOLDER (a new one) say where.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
START_SECONDS = 30.0
STOP_SECONDS = 15.0


def find_binary() -> str:
    """The release, else the debug build."""
    named = os.environ.get("TRANSFORM_SERVICE")
    builds = [DEPLOY.parent / f".build/{kind}/transform-service" for kind in ("release", "debug")]
    for path in [named, *map(str, builds)]:
        if path and Path(path).is_file():
            return path
    sys.exit("no transform-service: run `make build`, or set TRANSFORM_SERVICE")


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Returns when the service answers 200; ends all when it does not in time."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} did not become ready")


def main() -> None:
    """Starts, tells, waits, ends."""
    tasks_port = os.environ.get("DEMO_TASKS_PORT", "8000")
    transform_port = os.environ.get("DEMO_TRANSFORM_PORT", "8001")
    folder = os.environ.get("DEMO_FOLDER") or tempfile.mkdtemp(prefix="tasks-")
    tasks, transform = (f"http://127.0.0.1:{port}" for port in (tasks_port, transform_port))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A shell that starts it behind others has it ignore Ctrl-C's signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started: list[subprocess.Popen[bytes]] = []
    try:
        # Sessions of their own: Ctrl-C comes here alone, and they are ended in order.
        started.append(
            subprocess.Popen(
                [
                    find_binary(),
                    "serve",
                    "--port",
                    transform_port,
                    "--drain-ms",
                    "0",
                    "--transforms",
                    str(DEPLOY / "transforms"),
                ],
                start_new_session=True,
                stdout=subprocess.DEVNULL,
            )
        )
        wait_until_ready(transform, started[-1])
        started.append(
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "uvicorn",
                    "--factory",
                    "tasks_api:create_app",
                    "--port",
                    tasks_port,
                    "--log-level",
                    "warning",
                ],
                start_new_session=True,
                env={
                    **os.environ,
                    "TASKS_TRANSFORM_URL": transform,
                    "TASKS_DATABASE_URL": f"sqlite:///{folder}/tasks.db",
                },
            )
        )
        wait_until_ready(tasks, started[-1])
        print(
            f"tasks-api          {tasks}/docs\n"
            f"transform-service  {transform}/transforms\n"
            f"database           {folder}/tasks.db\n\n"
            f"  curl -s {tasks}/tasks -H 'Content-Type: application/json' "
            '-d \'{"title": "Renew the certificate", "priority": 5}\'\n'
            f"  curl -s {tasks}/tasks/import --data-binary @deploy/tasks-api/example.ndjson\n"
            f"  curl -s {tasks}/tasks/report\n\n"
            "deploy/README.md walks through more. Ctrl-C ends both.",
            flush=True,
        )
        while all(process.poll() is None for process in started):
            time.sleep(0.2)
        raise SystemExit("one of the services ended")
    except KeyboardInterrupt:
        print()
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
