"""A server's processes: freeze, thaw and end them all at once, and a watch that ends them when their owner is gone.

Called by private.py and session.py. Run as a script it is the watch, so it imports nothing but the standard library.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PROCESS_FILE = "server.process"
"""Inside a server's folder: its process id and start time, which together are never used twice."""

# A server asked to quit at once needs milliseconds; one that does not is killed.
QUIT_SECONDS = 10.0


def note_process(folder: Path, process_id: int) -> None:
    """Write down which process serves the folder."""
    (folder / PROCESS_FILE).write_text(f"{process_id} {_start_time(process_id)}")


def family(process_id: int) -> list[int]:
    """The process and all its descendants, parents before children."""
    members, newest = [process_id], [process_id]
    while newest:
        newest = [other for other, parent in _everyone() if parent in newest and other not in members]
        members += newest
    return members


def freeze(process_id: int) -> list[int]:
    """Stop the process and all its descendants; the returned ids are what `thaw` takes.

    The parent stops first: it cannot start a child that would be missed.
    """
    _send(process_id, signal.SIGSTOP)
    members = family(process_id)
    for member in members:
        _send(member, signal.SIGSTOP)
    return members


def thaw(process_ids: list[int]) -> None:
    """Let frozen processes go on, children first."""
    for process_id in reversed(process_ids):
        _send(process_id, signal.SIGCONT)


def kill_all(process_id: int) -> None:
    """Kill the process and all its descendants with SIGKILL; returns when none of them runs.

    A parent's zombie is left for its own parent to reap.
    """
    doomed = freeze(process_id)
    for victim in doomed:
        _send(victim, signal.SIGKILL)
    while any(is_running(victim) for victim in doomed):
        time.sleep(0.002)


def is_running(process_id: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    fields = _stat(process_id)
    return bool(fields) and fields[0] not in ("Z", "X")


def end_noted(folder: Path, quit_signal: int) -> None:
    """End the process noted in the folder, if it still runs: the quit signal first, SIGKILL after QUIT_SECONDS."""
    try:
        process_id, start_time = (folder / PROCESS_FILE).read_text().split()
    except (FileNotFoundError, ValueError):
        return
    server = int(process_id)
    if _start_time(server) != start_time:
        return
    _send(server, quit_signal)
    # A frozen server hears no signal but SIGKILL.
    thaw(family(server))
    deadline = time.monotonic() + QUIT_SECONDS
    while is_running(server) and time.monotonic() < deadline:
        time.sleep(0.005)
    if is_running(server):
        kill_all(server)


def watch(lifeline: Path, folder: Path, quit_signal: int) -> None:
    """Wait until no process holds a lock on the lifeline, then end the folder's server and remove the folder.

    The kernel drops the lock of a process that dies in whatever way, so no server outlives its owner.
    """
    with contextlib.suppress(FileNotFoundError), lifeline.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    end_noted(folder, quit_signal)
    shutil.rmtree(folder, ignore_errors=True)


def start_watch(lifeline: Path, folder: Path, quit_signal: int) -> subprocess.Popen[bytes]:
    """Start a process that runs watch(); it hears no Ctrl-C, and whoever cleans up himself kills it."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(lifeline), str(folder), str(int(quit_signal))],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _send(process_id: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, number)


def _everyone() -> list[tuple[int, int]]:
    ids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [(process_id, int(fields[1])) for process_id in ids if (fields := _stat(process_id))]


def _start_time(process_id: int) -> str:
    return "".join(_stat(process_id)[19:20])


def _stat(process_id: int) -> list[str]:
    # Fields from the third on (state, parent, …): the second, the program's name, may hold spaces and brackets.
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
