"""Why a task failed, as text: the exception's type and words on the first line, which lists show, and where it was raised."""

import traceback

WORDS_CHARACTERS = 4_000
"""Of an exception's own words; some carry whole documents."""

TRACE_LINES = 30
TRACE_CHARACTERS = 12_000

SIGTERM_EXIT_CODE = 143  # what a shell makes of a process that ended by SIGTERM


class Terminated(SystemExit):
    """Raised in the main thread when the process is sent SIGTERM, so that blocks are left and record how they ended."""

    def __init__(self) -> None:
        super().__init__(SIGTERM_EXIT_CODE)


def is_failure(error: BaseException | None) -> bool:
    """Return whether a block that is left with an exception has failed: all do but sys.exit() with 0 or nothing."""
    return error is not None and not (isinstance(error, SystemExit) and error.code in (None, 0))


def message_of(error: BaseException) -> str:
    """Return the message of a task that an exception ended."""
    if isinstance(error, Terminated):
        return "terminated by SIGTERM"
    words = _cut("".join(traceback.format_exception_only(type(error), error)).strip(), WORDS_CHARACTERS)
    lines = "".join(traceback.format_tb(error.__traceback__)).splitlines()[-TRACE_LINES:]
    if not lines:
        return storable(words)
    return storable(f"{words}\n\n{_cut_front(chr(10).join(lines), TRACE_CHARACTERS)}")


def of_child(name: str, iteration: int | None, message: str) -> str:
    """Return the message of a group in which a task failed."""
    place = "" if iteration is None else f", iteration {iteration},"
    first = message.partition("\n")[0]
    return f"task {name!r}{place} failed" + (f": {first}" if first else "")


def storable(text: str) -> str:
    """Return a text without what no database keeps: NUL, and characters that are not valid Unicode."""
    return text.replace("\x00", "\\0").encode(errors="backslashreplace").decode()


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


def _cut_front(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"…{text[-characters:]}"
