"""Runs a page of the documentation as a reader would: each block as printed, one after another, in one session.

Blocks of `console` have commands behind `$`, and what they print below; one that ends with & goes on in the background. Blocks of
`python` run in one interpreter; the block of `text` behind one is what it prints.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import FENCE

SECONDS = 300.0
"""A bound against hanging: of a command, which may install packages."""

INTERPRETER = """
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(json.loads(line), "<block>", "exec"), names)
        except BaseException:
            print(traceback.format_exc())
    print(json.dumps(printed.getvalue()), flush=True)
"""

_SAME = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"…[0-9a-f]{8}\b"), "…ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00| UTC)?"), "TIME"),
    (re.compile(r"\b(just now|\d+ (s|min|h|d|seconds?|minutes?) ago)\b"), "AGO"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min|h|d)( \d+ (s|min|h))?\b"), "DURATION"),
    (re.compile(r"[─━-]{3,}"), "---"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r" $", re.MULTILINE), ""),
)
"""What differs from one session to the next, and how wide columns are because of it."""


@dataclass(frozen=True)
class Step:
    """A command or a block of Python, and what the page says that it prints; None if the page says nothing."""

    code: str
    is_python: bool
    printed: str | None


@dataclass
class Outcome:
    """What a step has printed."""

    step: Step
    printed: str
    is_as_printed: bool = field(init=False)

    def __post_init__(self) -> None:
        expected = "" if self.step.printed is None else self.step.printed
        self.is_as_printed = normalised(self.printed) == normalised(expected)


def steps(page: Path) -> list[Step]:
    """Return the steps of a page."""
    blocks = FENCE.findall(page.read_text())
    result: list[Step] = []
    for number, (language, text) in enumerate(blocks):
        following = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
        if language == "python":
            result.append(Step(text, True, following[1] if following[0] == "text" else None))
        elif language == "console":
            result.extend(_commands(text))
    return result


def _commands(text: str) -> Iterator[Step]:
    first, *rest = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert first == "", f"a console block begins with $: {text}"
    for each in rest:
        command, _, printed = each.partition("\n")
        yield Step(command, False, printed)


def normalised(text: str) -> str:
    """Return a text without what differs from one session to the next."""
    for pattern, replacement in _SAME:
        text = pattern.sub(replacement, text)
    return text.strip()


class Session:
    """A shell and an interpreter of Python that go on from step to step, in a folder and an environment of their own."""

    def __init__(self, python: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self._python, self._folder, self._environment = python, folder, dict(environment)
        self._interpreter: subprocess.Popen[str] | None = None
        self.background: list[subprocess.Popen[bytes]] = []

    def carry_out(self, step: Step) -> Outcome:
        """Carry out a step. Raises AssertionError for a command that fails."""
        if step.is_python:
            return Outcome(step, self._run_python(step.code))
        if step.code.endswith("&"):
            with (self._folder / "background.log").open("ab") as log:
                self.background.append(
                    subprocess.Popen(["bash", "-c", "exec " + step.code[:-1]], stdout=log, stderr=log, **self._place())
                )
            return Outcome(step, "")
        done = subprocess.run(
            ["bash", "-c", step.code], capture_output=True, text=True, timeout=SECONDS, check=False, **self._place()
        )
        assert done.returncode == 0, f"{step.code}: {done.stdout}{done.stderr}"
        return Outcome(step, done.stdout + done.stderr)

    def _run_python(self, code: str) -> str:
        if self._interpreter is None:
            self._interpreter = subprocess.Popen(
                [self._python, "-W", "error", "-c", INTERPRETER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                **self._place(),
            )
        assert self._interpreter.stdin is not None
        assert self._interpreter.stdout is not None
        self._interpreter.stdin.write(json.dumps(code) + "\n")
        self._interpreter.stdin.flush()
        printed: str = json.loads(self._interpreter.stdout.readline())
        return printed

    def _place(self) -> dict[str, object]:
        return {"cwd": self._folder, "env": self._environment}

    def close(self) -> None:
        """End what goes on in the background, and the interpreter."""
        for process in self.background:
            process.terminate()
            process.wait(SECONDS)
        if self._interpreter is not None:
            self._interpreter.communicate(timeout=SECONDS)  # it ends with its input, and both pipes are closed


@contextmanager
def session(python: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[Session]:
    """A session, closed at the end of the block."""
    running = Session(python, folder, environment)
    try:
        yield running
    finally:
        running.close()
