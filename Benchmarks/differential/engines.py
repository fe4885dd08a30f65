"""jq 1.8.2, which is fetched and built where it is missing, and runs that are bounded.

jq = find_jq()                             .build/rivals/jq-1.8.2/jq
run([jq, "-c", "."], b"[1]", seconds=2)    Result(end="exit", status=0, out=b"[1]\\n", err=b"")
"""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.8.2"
BUILT = ROOT / ".build" / "rivals" / f"jq-{VERSION}"
# The release of PyPI's `jq` whose source holds this jq.
PACKAGE = "jq==1.13.0"
MEMORY_BYTES = 4 << 30
OUTPUT_BYTES = 1 << 16
# A process has its seconds of the processor; where others take that from it, it waits so much longer.
WAIT_FACTOR = 20
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


@dataclass
class Result:
    """How a run ended ("exit", "time", "flood"), what it wrote, and its seconds of the processor."""

    end: str
    status: int
    out: bytes
    err: bytes
    seconds: float = 0.0

    @property
    def crashed(self) -> bool:
        """A signal ended it."""
        return self.end == "exit" and self.status < 0


def find_jq() -> str:
    """The path of jq 1.8.2, built now if need be."""
    path = BUILT / "jq"
    if not path.is_file():
        print(f"jq {VERSION} is fetched and built into {BUILT}", file=sys.stderr)
        build(path)
    return str(path)


def build(path: Path) -> None:
    """From PyPI's source package, which brings jq's own and Oniguruma's along."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--no-binary", "jq", "--dest", folder, PACKAGE], check=True)
        unpack(next(Path(folder).glob("jq-*.tar.gz")), folder)
        unpack(next(Path(folder).glob(f"*/deps/jq-{VERSION}.tar.gz")), folder)
        source = Path(folder) / f"jq-{VERSION}"
        quiet = {"cwd": source, "check": True, "stdout": subprocess.DEVNULL}
        options = ["--disable-docs", "--with-oniguruma=builtin", "--disable-shared"]
        subprocess.run(["./configure", "--quiet", *options], **quiet)
        subprocess.run(["make", "-s"], **quiet)
        os.replace(source / "jq", path)


def unpack(archive: Path, folder: str) -> None:
    """Unpacks it below the folder."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder)


def limit_memory() -> None:
    """Bounds this process and what it starts; a core file is of no use to anybody."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(
    command: list[str],
    data: bytes,
    seconds: float = 2.0,
    bytes_max: int = OUTPUT_BYTES,
    environment: Optional[dict[str, str]] = None,
    folder: Optional[str] = None,
) -> Result:
    """Runs it with the data as its standard input, for so long, until it has written so much."""
    process = start(command, data, environment, folder)
    return finish(process, seconds, bytes_max)


def run_both(
    first: list[str], second: list[str], data: bytes, seconds: float, bytes_max: int = OUTPUT_BYTES
) -> tuple[Result, Result]:
    """Both at the same time, on the same data; the second has as long again as the first."""
    processes = start(first, data), start(second, data)
    try:
        result = finish(processes[0], seconds, bytes_max)
        return result, finish(processes[1], seconds, bytes_max)
    except BaseException:
        # What ends this ends them: a program may run for ever.
        for process in processes:
            process.kill()
        raise


def start(
    command: list[str],
    data: bytes,
    environment: Optional[dict[str, str]] = None,
    folder: Optional[str] = None,
) -> subprocess.Popen[bytes]:
    """A process that has the data as its standard input."""
    with standard_input(data) as stdin:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment or ENVIRONMENT,
            cwd=folder,
        )


def finish(process: subprocess.Popen[bytes], seconds: float, bytes_max: int) -> Result:
    """Reads what it writes, and ends it where that is too much or takes too long."""
    assert process.stdout is not None and process.stderr is not None
    written = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out, err = written.values()
    end = read(written, process.pid, seconds, bytes_max)
    used = processor_seconds(process.pid)
    if end != "exit":
        process.kill()
    process.stdout.close()
    process.stderr.close()
    return Result(end, process.wait(), bytes(out), bytes(err), used)


def read(written: dict[int, bytearray], pid: int, seconds: float, bytes_max: int) -> str:
    """Reads all descriptors to their ends; tells what ended it.

    The time is that of the processor, so that a machine that is busy makes no difference; a
    process that sleeps is ended too, later.
    """
    poll = select.poll()
    for descriptor in written:
        poll.register(descriptor, select.POLLIN)
    left = len(written)
    deadline = time.monotonic() + seconds
    last = deadline + (WAIT_FACTOR - 1) * seconds
    while left:
        now = time.monotonic()
        if now >= deadline:
            rest = seconds - processor_seconds(pid)
            if rest <= 0 or now >= last:
                return "time"
            deadline = now + max(rest, 0.01)
        for descriptor, _ in poll.poll((deadline - now) * 1000 + 1):
            part = os.read(descriptor, 1 << 16)
            written[descriptor] += part
            if not part:
                poll.unregister(descriptor)
                left -= 1
            if len(written[descriptor]) > bytes_max:
                return "flood"
    return "exit"


TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """What all threads of a process that was not waited for have used."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def standard_input(data: bytes):  # type: ignore[no-untyped-def]
    """A pipe that holds the data, or a file where a pipe can't."""
    if len(data) <= 1 << 16:
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        return os.fdopen(reader, "rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by the caller)
    file.write(data)
    file.seek(0)
    return file
