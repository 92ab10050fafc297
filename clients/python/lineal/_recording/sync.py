"""Sends the spool files of processes that are gone. Recordings do it in the background, and `lineal sync` at once."""

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineal._recording.caller import Caller, GaveUp, Stopped
from lineal._recording.chain import Reader
from lineal._recording.counters import Tally
from lineal._recording.forks import Before
from lineal._recording.lines import VERSION, Line
from lineal._recording.marks import Artifacts, Marks
from lineal._recording.rejections import Rejections
from lineal._recording.sender import Sender
from lineal._recording.spool import SUFFIX, SpoolFile, header_of, lines_of
from lineal.errors import LinealError
from lineal.settings import Settings


@dataclass(frozen=True)
class FileReport:
    """What became of one spool file: changes that were sent, that were there already, that the server refused, and lines that are damaged.

    `outcome` is "sent", or why the file is still there: "in use", "waits for its parent", "for HOST:PORT", "of a newer version", or the
    server's words; `error` is the server's, or that of the file system.
    """

    path: Path
    outcome: str
    calls: int = 0
    found: int = 0
    rejected: int = 0
    damaged: int = 0
    error: BaseException | None = None


@dataclass(frozen=True)
class _Group:
    """The files of one process, in order."""

    paths: Sequence[Path]
    header: Line
    why_not: str


def server_text(settings: Settings) -> str:
    """Return the servers as headers have them."""
    return ",".join(sorted(settings.targets))


def sync(
    settings: Settings, folders: Iterable[Path], *, any_server: bool = False, stop: threading.Event | None = None
) -> Iterator[FileReport]:
    """Send the files of processes that are gone, oldest first, and remove those of which the server has everything.

    Files that were recorded for another address are left, unless for `any_server`. Yields a report per file. After the first one for
    which the server could not be reached, nothing more is tried.
    """
    stop = stop or threading.Event()
    for folder in folders:
        for group in _groups(folder, settings, any_server=any_server):
            if stop.is_set():
                return
            reports = _sync_group(settings, folder, group, stop)
            yield from reports
            if any(isinstance(report.error, LinealError) for report in reports):
                return


def _groups(folder: Path, settings: Settings, *, any_server: bool) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        header = header_of(path)
        if header is None:
            continue
        name = str(header.get("recording", path.name))
        if name in groups:
            groups[name] = dataclasses.replace(groups[name], paths=(*groups[name].paths, path))
        else:
            is_ours = any_server or header.get("server") == server_text(settings)
            groups[name] = _Group((path,), header, "" if is_ours else f"for {header.get('server')}")
    return list(groups.values())


def _sync_group(settings: Settings, folder: Path, group: _Group, stop: threading.Event) -> list[FileReport]:
    if group.header["lineal_spool"] != VERSION:
        return [FileReport(path, "of a newer version") for path in group.paths]
    if group.why_not:
        return [FileReport(path, group.why_not) for path in group.paths]
    places: list[SpoolFile] = []
    try:
        for path in group.paths:
            place = SpoolFile.take_over(path)
            if place is None:
                return [FileReport(each, "in use") for each in group.paths]
            places.append(place)
        artifacts = Artifacts()
        before = Before.of_line(folder, group.header)
        if before is not None and not before.is_done(artifacts):
            return [FileReport(path, "waits for its parent") for path in group.paths]
        return _send_files(settings, folder, places, artifacts, stop)
    except OSError as error:
        return [FileReport(path, f"cannot be used: {error.strerror}", error=error) for path in group.paths]
    finally:
        for place in places:
            place.close()


def _send_files(
    settings: Settings, folder: Path, places: Sequence[SpoolFile], artifacts: Artifacts, stop: threading.Event
) -> list[FileReport]:
    """Send the files of one process, whose locks are held."""
    marks, tally = Marks(), Tally()
    for place in places:
        marks.read((line for line, _ in lines_of(place)), artifacts)
    caller = Caller(settings, tally, stop, patient=False)
    rejections = Rejections(folder, tally)
    sender = Sender(caller, artifacts, rejections, marks=marks)
    reports: list[FileReport] = []
    counts: dict[str, int] = dict.fromkeys(("calls", "found", "rejected"), 0)
    try:
        for number, place in enumerate(places):
            error: LinealError | None = None
            try:
                caller.check_server()
                damaged = _send_file(sender, marks, place, is_last=number + 1 == len(places))
                _carry_over(sender, artifacts, places[number + 1 :])
                outcome = "sent"
                place.delete()
            except (GaveUp, Stopped) as stopped:
                error = stopped.error if isinstance(stopped, GaveUp) else None
                outcome, damaged = str(stopped), 0
            news = {name: tally[name] - counts[name] for name in counts}
            counts = {name: tally[name] for name in counts}
            reports.append(FileReport(place.path, outcome, **news, damaged=damaged, error=error))
            if outcome != "sent":
                break
    finally:
        rejections.tell_count()
        sender.close()
        caller.close()
    return reports


def _send_file(sender: Sender, marks: Marks, place: SpoolFile, *, is_last: bool) -> int:
    """Send what is in a file; return how many lines of it could not be read. Raises GaveUp."""
    sender.begin(place)
    for line, _ in lines_of(place):
        if line is not None and "base" in line:
            sender.series.take_base(line)
    reader = Reader(place)
    while entries := reader.next_batch():
        sender.send(entries)
        sender.mark({"upto": entries[0].batch})
    if is_last:
        sender.series.send_all()
    return reader.damaged


def _carry_over(sender: Sender, artifacts: Artifacts, rest: Sequence[SpoolFile]) -> None:
    """Write what the next file needs of this one, which is deleted."""
    if rest:
        rest[0].append([*filter(None, [artifacts.line()]), *sender.series.bases()])
