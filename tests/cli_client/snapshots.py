"""What commands print, kept in files: one per command, with ids and ages replaced. Tests compare with them.

`pytest tests/cli_client --write-snapshots` writes the files anew.
"""

import difflib
import re
import shlex
from pathlib import Path

from tests.cli_client.program import Ended

FOLDER = Path(__file__).parent / "snapshots"

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|…[0-9a-f]{8}\b")
_UNIT = r"(?:ms|s|min|h|d)"
_LENGTH = rf"\d+(?:\.\d+)? {_UNIT}(?: \d+ {_UNIT})?"
_SO_FAR = "SPAN so far"
_AGES = (
    (re.compile(rf"\(\d+ {_UNIT} ago\)"), "(AGE ago)"),
    (re.compile(rf"{_LENGTH} so far"), _SO_FAR),
    (re.compile(rf"(running  (?:\S+  )?){_LENGTH}"), r"\1SPAN"),
    (re.compile(r"^\d\d:\d\d:\d\d(?=  )", re.MULTILINE), "hh:mm:ss"),
)


def text_of(arguments: list[str], ended: Ended) -> str:
    """Return what is kept of a command: its words, what it wrote, and its status unless that is 0."""
    text = f"$ lineal {shlex.join(arguments)}\n{ended.out}"
    if ended.err:
        text += f"--- standard error\n{ended.err}"
    return normalized(text + (f"--- status {ended.status}\n" if ended.status else ""))


def normalized(text: str) -> str:
    """Return a text with ids numbered by their first appearance and ages replaced.

    Columns stay as wide as they are, unless one has a time that grows.
    """
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        number = numbers.setdefault(match[0][-8:], len(numbers) + 1)
        return f"…{number:08}" if match[0].startswith("…") else f"id-{number:033}"

    text = _ID.sub(numbered, text)
    for pattern, replacement in _AGES:
        text = pattern.sub(replacement, text)
    return re.sub(r"(?<=\S) {2,}", "  ", text) if _SO_FAR in text else text


def check(name: str, text: str, *, write: bool) -> None:
    """Compare a text with its file, or write the file. A difference fails with a diff."""
    file = FOLDER / f"{name}.txt"
    if write:
        file.write_text(text)
        return
    kept = file.read_text() if file.exists() else ""
    diff = difflib.unified_diff(kept.splitlines(), text.splitlines(), f"kept {file.name}", "printed", lineterm="", n=1)
    assert kept == text, "\n".join(["--write-snapshots keeps what is printed:", *diff])
