#!/usr/bin/env python3
"""Restarts under load: with a proxy in front no request fails, without one none that was accepted.

    restart.py [--restarts 20] [--clients 50] [--front haproxy,envoy,none] [--binary PATH]

`haproxy` (with deploy/haproxy.cfg) and `envoy` stand in front of two services and ask /readyz; the
services are restarted in turn: SIGTERM, wait for the exit, start, wait for ready. `none`: clients ask one
service, which is restarted likewise. Each client is an `httpx.AsyncClient` of one connection that is kept
alive; it asks for one small transform after the other with a pause between, now and then with a body that
takes two seconds to send, or after a pause of two. Behind a proxy every answer but 200 and every error is a
failure. Without one, a refused connection is none: the client asks again. A connection that was made and
brings no answer to the request that was written to it is a failure, on a first request as on a later one.
"""
import argparse
import asyncio
import collections
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time

import harness
import httpx

CONFIGURATION = os.path.join(harness.ROOT, "deploy", "haproxy.cfg")
EXIT_SECONDS = 20


class Failed(Exception):
    """What ends the measurement."""


ENVOY = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {front}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: transforms
          route_config:
            virtual_hosts:
            - name: transforms
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route:
                  cluster: replicas
                  timeout: 6s
                  retry_policy: {{retry_on: "connect-failure,refused-stream,reset", num_retries: 2}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: replicas
    type: STATIC
    connect_timeout: 1s
    lb_policy: LEAST_REQUEST
    common_lb_config: {{healthy_panic_threshold: {{value: 0}}}}
    health_checks:
    - timeout: 1s
      interval: 0.3s
      no_traffic_interval: 0.3s
      unhealthy_threshold: 2
      healthy_threshold: 2
      http_health_check: {{path: /readyz}}
    load_assignment:
      cluster_name: replicas
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {first}}}}}}}
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {second}}}}}}}
"""


def free_ports(count):
    """Ports that nobody listens on, below those that the system gives to connections."""
    found = []
    for port in random.Random(os.getpid()).sample(range(15_000, 30_000), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Failed("no free ports")


async def until_ready(port, process, seconds=20):
    """Waits until /readyz answers 200 at the port."""
    async with httpx.AsyncClient() as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.returncode is not None:
                raise Failed(f"a process ended with status {process.returncode}")
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz", timeout=2)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.02)
    raise Failed(f"port {port} is not ready within {seconds} s")


class Service:
    """One service, which can be restarted."""

    def __init__(self, binary, port):
        self.binary, self.port, self.process, self.statuses = binary, port, None, []

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            self.binary, "serve", "--port", str(self.port), "--log-level", "error",
            "--timeout-ms", "10000", stdout=asyncio.subprocess.DEVNULL)
        await until_ready(self.port, self.process)

    async def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.statuses.append(await asyncio.wait_for(self.process.wait(), EXIT_SECONDS))

    def kill(self):
        if self.process and self.process.returncode is None:
            self.process.kill()


class Load:
    """Clients that ask until told to stop, and what came of it."""

    def __init__(self, port, count, is_proxied):
        self.url = f"http://127.0.0.1:{port}/transform"
        self.is_proxied = is_proxied
        self.counts = collections.Counter()
        self.failures = []
        self.is_over = False
        self.tasks = [asyncio.create_task(self.client(seed)) for seed in range(count)]

    async def end(self):
        self.is_over = True
        await asyncio.wait_for(asyncio.gather(*self.tasks), 30)

    async def client(self, seed):
        source = random.Random(seed)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=60)
        async with httpx.AsyncClient(limits=limits, timeout=15) as client:
            while not self.is_over:
                kind = source.randrange(100)
                try:
                    await self.ask(client, source, is_slow=kind == 0)
                except httpx.ConnectError as error:
                    self.counts["refused"] += 1
                    if self.is_proxied:
                        self.failures.append(repr(error))
                    await asyncio.sleep(0.05)
                await asyncio.sleep(2 if kind == 1 else source.random() * 0.06)

    async def ask(self, client, source, is_slow):
        number = source.randrange(10**9)
        body = b'{"program":".n + 1","input":{"n":%d}}' % number
        is_new = []

        async def trace(event, _):
            if event == "connection.connect_tcp.complete":
                is_new.append(True)

        async def slowly():
            for start in range(0, len(body), 16):
                yield body[start:start + 16]
                await asyncio.sleep(32 / len(body))

        try:
            response = await client.post(
                self.url, content=slowly() if is_slow else body, extensions={"trace": trace})
        except httpx.ConnectError:
            raise
        except httpx.HTTPError as error:
            self.failures.append(f"{error!r} on {'a new' if is_new else 'a kept'} connection, slow: {is_slow}")
            return
        self.counts["slow" if is_slow else "quick"] += 1
        self.counts["connections"] += len(is_new)
        if response.status_code != 200 or response.json() != number + 1:
            self.failures.append(f"{response.status_code} {response.text[:200]}")


async def proxy(front, ports, folder):
    """Starts the proxy on the first port, before services on the other two."""
    environment = dict(os.environ)
    if front == "haproxy":
        names = ["BIND", "REPLICA_1", "REPLICA_2"]
        environment.update({name: f"127.0.0.1:{port}" for name, port in zip(names, ports)})
        command = [shutil.which("haproxy"), "-db", "-n", "4000", "-f", CONFIGURATION]
    else:
        path = os.path.join(folder, "envoy.yaml")
        with open(path, "w") as out:
            out.write(ENVOY.format(front=ports[0], first=ports[1], second=ports[2]))
        command = [shutil.which("envoy"), "--concurrency", "1", "-l", "warning", "-c", path, "--use-dynamic-base-id"]
    with open(os.path.join(folder, "log"), "w") as log:
        return await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)


async def measure(front, options):
    """One front: its row of the table, and its failures."""
    ports = free_ports(3)
    is_proxied = front != "none"
    services = [Service(options.binary, port) for port in (ports[1:] if is_proxied else ports[:1])]
    process = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            for service in services:
                await service.start()
            if is_proxied:
                process = await proxy(front, ports, folder)
                await until_ready(ports[0], process)
            load = Load(ports[0], options.clients, is_proxied)
            await asyncio.sleep(2)
            start = time.monotonic()
            for number in range(options.restarts):
                service = services[number % len(services)]
                await service.end()
                await service.start()
                # The proxy's checks have to see it as well.
                await asyncio.sleep(2)
            seconds = time.monotonic() - start
            await load.end()
        finally:
            for service in services:
                service.kill()
            if process and process.returncode is None:
                process.kill()
                await process.wait()
    statuses = {status for service in services for status in service.statuses}
    row = [
        front, options.restarts, f"{seconds:.0f}", load.counts["quick"], load.counts["slow"],
        load.counts["connections"], load.counts["refused"], len(load.failures), " ".join(map(str, sorted(statuses)))]
    return row, load.failures + [f"exit status {status}" for status in statuses if status]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--front", default="haproxy,envoy,none", help="those that are not installed are left out")
    parser.add_argument("--binary", default=harness.BINARY)
    options = parser.parse_args()
    rows, failed = [], False
    for front in options.front.split(","):
        if front != "none" and not shutil.which(front):
            print(f"{front} is not installed")
            continue
        limit = 60 + options.restarts * (EXIT_SECONDS + 10)
        row, failures = asyncio.run(asyncio.wait_for(measure(front, options), limit))
        rows.append(row)
        failed = failed or bool(failures)
        for text, count in collections.Counter(failures).most_common(10):
            print(f"{front}: {count} times {text}")
    header = ["front", "restarts", "s", "quick", "slow", "connections", "refused", "failed", "exit status"]
    print(harness.table(header, rows), end="")
    sys.exit(1 if failed or not rows else 0)


if __name__ == "__main__":
    main()
