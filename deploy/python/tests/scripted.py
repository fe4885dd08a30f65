"""A server that does what a script says, byte by byte; and both clients by the same method."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from typing import Any, Optional, Union

from transform_client import AsyncTransformClient, TransformClient


class Send:
    """Pieces that the server sends, with a pause before each."""

    def __init__(self, *pieces: bytes, pause: float = 0.0) -> None:
        self.pieces = pieces
        self.pause = pause


def answer(status: str, body: bytes = b"", *fields: str) -> Send:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return Send("\r\n".join(head).encode() + body)


class ScriptedServer:
    """Answers the n-th request with the n-th step; after the last it repeats it."""

    def __init__(self, steps: list[Send], tls: Optional[ssl.SSLContext] = None) -> None:
        self._steps = steps
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.targets: list[str] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                self.targets.append(line.split()[1].decode())
                fields: dict[str, str] = {}
                while (line := reader.readline().strip()) != b"":
                    name, _, value = line.decode().partition(": ")
                    fields[name.lower()] = value
                body = reader.read(int(fields.get("content-length", "0")))
                with self._lock:
                    step = self._steps[min(len(self.requests), len(self._steps) - 1)]
                    self.requests.append((fields, body))
                for piece in step.pieces:
                    if self._is_over.wait(step.pause):
                        return
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                if not step.pieces or step.pause:
                    return

    def milliseconds(self) -> list[int]:
        return [int(fields["x-request-timeout-ms"]) for fields, _ in self.requests]

    def close(self) -> None:
        self._is_over.set()
        self._listener.close()


class Blocking:
    """The methods of the client for threads."""

    def call(self, url: str, method: str, *args: Any, client: Any = None, **kwargs: Any) -> Any:
        with TransformClient(url, **(client or {})) as it:
            result = getattr(it, method)(*args, **kwargs)
            return list(result) if method == "transform_lines" else result


class OnLoop:
    """The same methods of the asynchronous client."""

    def call(self, url: str, method: str, *args: Any, client: Any = None, **kwargs: Any) -> Any:
        async def run() -> Any:
            async with AsyncTransformClient(url, **(client or {})) as it:
                result = getattr(it, method)(*args, **kwargs)
                if method == "transform_lines":
                    return [line async for line in result]
                return await result

        return asyncio.run(run())


Driver = Union[Blocking, OnLoop]
