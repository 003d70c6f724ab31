"""Many processes write into one pipe, and no line is torn."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter

import pytest

PROCESSES, LINES = 6, 150
# Longer than what a pipe takes in one piece (4096 bytes), and than what it holds (65536).
LENGTHS = (10, 6_000, 90_000)
WRITER = """
import json, logging, sys
from valetkey.runtime.audit import AuditEvent, configure_audit, emit
from valetkey.runtime.logging import configure_logging
from valetkey.runtime.settings import Settings
from valetkey.runtime.workers.whole_lines import whole_lines

name, lock, lines, lengths = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
wrap = whole_lines if lock >= 0 else lambda stream, lock: stream
configure_logging(Settings(), "token", wrap(sys.stderr, lock))
configure_audit("token", wrap(sys.stdout, lock))
for number in range(lines):
    extra = {"writer": name, **{f"part_{n}": "x" * 100 for n in range(lengths[number % len(lengths)] // 100)}}
    logging.getLogger("valetkey.test").info("line", extra=extra)
    emit(AuditEvent(type="test", outcome="success", actor=name))
"""


def write_at_once(lock: int) -> list[bytes]:
    """What arrives at the other end, which reads slowly and in pieces."""
    reading, writing = os.pipe()
    inherited = [lock] if lock >= 0 else []
    arguments = [str(lock), str(LINES), json.dumps(LENGTHS)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(each), *arguments], stdout=writing, stderr=writing, pass_fds=inherited
        )
        for each in range(PROCESSES)
    ]
    os.close(writing)
    pieces: list[bytes] = []

    def read() -> None:
        while piece := os.read(reading, 5_000):
            pieces.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    codes = [writer.wait(60) for writer in writers]
    reader.join(60)
    os.close(reading)
    assert codes == [0] * PROCESSES
    return b"".join(pieces).splitlines()


def is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@pytest.fixture(scope="module")
def lock() -> int:
    return os.memfd_create("lines")


def test_lines_of_any_length_arrive_whole(lock: int) -> None:
    lines = write_at_once(lock)

    assert all(map(is_whole, lines))
    kinds = Counter(
        (line.get("log", "application"), line.get("writer", line.get("actor"))) for line in map(json.loads, lines)
    )
    assert set(kinds.values()) == {LINES}
    assert len(kinds) == 2 * PROCESSES


def test_writers_that_do_not_take_turns_tear_them() -> None:
    lines = write_at_once(-1)

    assert not all(map(is_whole, lines))
