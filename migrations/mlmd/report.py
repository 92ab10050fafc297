"""The result of a command of the importer, as JSON for programs and as lines for people. The command line prints it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrations.mlmd.preflight.findings import Preflight
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.row_kinds import LABELS, Kind
from migrations.mlmd.write.tally import Cases, Tally
from storage.record import record

DIFFERENCES = 100
"""Maximum number of differences that are listed; all are counted."""


@record
class Difference:
    """A row that differs from the source: in columns, as (name, value in the source, value in the store), or as the note says.

    A missing row has neither.
    """

    kind: Kind
    id: str
    columns: tuple[tuple[str, Any, Any], ...] = ()
    note: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether the store lacks the row."""
        return not self.columns and not self.note

    def sentence(self) -> str:
        """Return the difference as a sentence."""
        if not self.columns:
            return f"{LABELS[self.kind]} {self.id}: {self.note or 'missing'}"
        details = ", ".join(f"{name} is {_short(store)}, not {_short(source)}" for name, source, store in self.columns)
        return f"{LABELS[self.kind]} {self.id}: {details}"


@dataclass(slots=True)
class Report:
    """The result of one command: import, dry-run, verify or undo."""

    command: str
    store: str
    store_id: str
    source: str = ""
    survey: Survey | None = None
    records: Mapping[Kind, Mapping[str, int]] = field(default_factory=dict)
    """Figures by kind of row; each command documents their names."""
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)
    differences: list[Difference] = field(default_factory=list)
    difference_count: int = 0
    refusals: list[str] = field(default_factory=list)
    """Why an import with the options of the dry run would be refused."""
    resumed: bool = False
    read_twice: bool = False
    """Whether an import that resumed then read the source once more."""
    remarks: list[str] = field(default_factory=list)
    """What else there is to say, each as a sentence."""
    preflight: Preflight = field(default_factory=Preflight)
    seconds: float = 0.0

    @property
    def outcome(self) -> str:
        """The result in one word: done or different."""
        return "different" if self.difference_count else "done"

    def plain(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "command": self.command,
            "outcome": self.outcome,
            "store": self.store,
            "store_id": self.store_id,
            "source": {"url": self.source, **(_source_figures(self.survey) if self.survey else {})},
            "resumed": self.resumed,
            "read_twice": self.read_twice,
            "seconds": round(self.seconds, 3),
            "records": {LABELS[kind]: dict(figures) for kind, figures in self.records.items()},
            "left_alone": [
                {"records": LABELS[kind], "reason": outcome.name, "text": outcome.value, **_cases(cases)}
                for kind, outcome, cases in self.tally.left_alone()
            ],
            "refusals": self.refusals,
            "remarks": self.remarks,
            **self.preflight.plain(),
            "findings": [
                {
                    "rule": finding.rule.name,
                    "kind": finding.kind,
                    "text": finding.rule.value,
                    "count": finding.count,
                    "examples": finding.examples,
                }
                for finding in self.findings
            ],
            "difference_count": self.difference_count,
            "differences": [
                {
                    "records": LABELS[one.kind],
                    "id": one.id,
                    "note": one.note,
                    "columns": [
                        {"name": name, "source": source, "store": store} for name, source, store in one.columns
                    ],
                }
                for one in self.differences
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield the report as a table and sentences."""
        yield from _table(self.records)
        for kind, outcome, cases in self.tally.left_alone():
            yield f"{cases.count} {LABELS[kind]}: {outcome.value}, such as {cases.examples[0]}"
        for finding in self.findings:
            detail = f" [{finding.kind}]" if finding.kind else ""
            example = f": {finding.examples[0]}" if finding.examples else ""
            yield f"{finding.count} × {finding.rule.value}{detail}{example}"
        yield from self.refusals
        yield from self.remarks
        yield from self.preflight.lines()
        for one in self.differences[:20]:
            yield one.sentence()
        if self.difference_count:
            yield f"{self.difference_count} differences"


def plan_lines(survey: Survey, source: str, store: str) -> Iterator[str]:
    """Yield the contents of the source and what they become."""
    yield f"source {source}: MLMD schema {survey.schema_version}"
    for kind, count in survey.runs.items():
        yield f"  {count} {kind.value} runs → runs"
    if not survey.runs:
        yield "  no runs"
    yield f"  {survey.executions_in_runs} of {survey.executions} executions belong to runs → tasks"
    without_run = survey.artifacts_without_run
    yield f"  {survey.artifacts} artifacts, {without_run} of them without a run → artifacts, one per metric"
    yield f"  {survey.events_in_runs} of {survey.events} events belong to runs → links between tasks and artifacts"
    yield f"store {store}"


def _source_figures(survey: Survey) -> dict[str, Any]:
    return {
        "schema_version": survey.schema_version,
        "runs": {kind.name: count for kind, count in survey.runs.items()},
        "executions": survey.executions,
        "executions_in_runs": survey.executions_in_runs,
        "artifacts": survey.artifacts,
        "artifacts_without_run": survey.artifacts_without_run,
        "events": survey.events,
        "events_in_runs": survey.events_in_runs,
        "contexts": dict(survey.contexts),
    }


def _cases(cases: Cases) -> dict[str, Any]:
    return {"count": cases.count, "examples": cases.examples}


def _table(records: Mapping[Kind, Mapping[str, int]]) -> Iterator[str]:
    nonzero = {kind: figures for kind, figures in records.items() if any(figures.values())}
    names = [name for name in next(iter(records.values()), {}) if any(figures[name] for figures in nonzero.values())]
    heads = [name.replace("_", " ") for name in names]
    if nonzero:
        yield " " * 18 + "".join(f"{head:>{max(12, len(head) + 2)}}" for head in heads)
    for kind, figures in nonzero.items():
        cells = (f"{figures[name]:>{max(12, len(head) + 2)}}" for name, head in zip(names, heads, strict=True))
        yield f"{LABELS[kind]:<18}" + "".join(cells)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
