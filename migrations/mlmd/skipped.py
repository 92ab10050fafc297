"""Lists every case of a finding, and every row that was kept or left alone, in a file. Imports and dry runs call this.

A line has three fields, separated by tabs: the rule or the reason, its kind or the table, and the case: the id of a row of Lineal, or
the name of a row of the source, such as `execution 12`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from migrations.mlmd.source import Source
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.row_kinds import LABELS
from migrations.mlmd.write.tally import Tally
from storage.errors import Unavailable


class Skipped:
    """The list; without a stream nothing is written."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    async def add_survey(self, source: Source) -> None:
        """List what is known before any run is mapped."""
        if self._stream is not None:
            async for findings in source.store.survey_cases():
                self.add_findings(findings)

    def add_findings(self, findings: Findings) -> None:
        """List the cases of findings, which have all of them as examples."""
        for finding in findings if self._stream else ():
            for case in finding.examples:
                self._write(finding.rule.name, finding.kind, case)

    def add_tally(self, tally: Tally) -> None:
        """List the rows that were kept or left alone, all of which are examples."""
        for kind, outcome, cases in tally.left_alone() if self._stream else ():
            for id in cases.examples:
                self._write(outcome.name, LABELS[kind], id)

    def _write(self, rule: str, kind: str, case: str) -> None:
        if self._stream is not None:
            try:
                self._stream.write(f"{rule}\t{kind}\t{case}\n")
            except OSError as error:
                raise _refusal(self._stream.name, error) from error


@contextmanager
def open_skipped(path: str) -> Iterator[Skipped]:
    """Open the list. Raises Unavailable when the file cannot be written; "" stands for no file."""
    if not path:
        yield Skipped(None)
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open(path, "w", encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            raise _refusal(path, error) from error
        yield Skipped(stream)


def _refusal(path: str, error: OSError) -> Unavailable:
    return Unavailable(f"the file {path} cannot be written: {error.strerror}")
