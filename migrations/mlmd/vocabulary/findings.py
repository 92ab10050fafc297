"""Findings of an import: the rules that were applied, each with its sentence in the report and a count of its cases.

Readers and mapping add findings, the report prints them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

EXAMPLES = 10
"""Maximum number of cases of a finding that are named."""

SHOWN_CHARACTERS = 200
"""Maximum length of names from the source in reports."""


def shown(text: str) -> str:
    """Return a text of the source for reports and terminals: short and printable."""
    excerpt = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return (
        excerpt
        if excerpt.isprintable()
        else "".join(letter if letter.isprintable() else "\ufffd" for letter in excerpt)
    )


class Rule(Enum):
    """Every rule for damaged or foreign data, and for data without a counterpart in Lineal; the value says what was done."""

    DANGLING_EVENTS = "events of an artifact or execution that does not exist were skipped"
    EVENTS_WITHOUT_RUN = "events of executions without a run were skipped"
    EVENTS_OF_UNKNOWN_TYPE = "events of a type that MLMD does not have were skipped"
    EVENTS_OF_OTHER_TYPES = "declared, internal and pending events became plain inputs and outputs"
    EVENTS_WITHOUT_KEY = "events without a key in their path got the name of their artifact as key"
    DUPLICATE_LINKS = "events that repeat a link of the same task, key and artifact were skipped"
    DANGLING_PATHS = "path steps of events that do not exist were skipped"
    DANGLING_ASSOCIATIONS = "associations of executions or contexts that do not exist were skipped"
    EXECUTIONS_WITHOUT_RUN = "executions that do not belong to a run were skipped"
    EXECUTIONS_OF_SEVERAL_RUNS = "executions of several runs were assigned to the first of them"
    EXECUTIONS_OF_MISSING_TYPE = "executions whose type is missing got the kind that their properties indicate"
    CONTEXTS_OF_MISSING_TYPE = "contexts whose type is missing were treated as runs if their properties indicate it"
    CONTEXTS_WITHOUT_PLACE = "contexts that are not runs were not imported"
    RUNS_NOT_IN_KFP = "runs that KFP's own database does not have were skipped, with their executions and events"
    EXECUTIONS_NOT_IN_KFP = "executions of runs that KFP's own database does not have were skipped"
    ARTIFACTS_NOT_IN_KFP = "artifacts used or made only by runs that KFP's own database does not have were skipped"
    EVENTS_NOT_IN_KFP = "events of runs that KFP's own database does not have were skipped"
    RUNS_WITH_TAKEN_ID = "runs whose id another context already has got a different id"
    NAMESPACES_DIFFER = "runs whose namespace in MLMD differs from KFP's got KFP's"
    NAMESPACES_MISSING = "runs of KFP v2 without a namespace have none in Lineal either"
    ROOTS_MADE = "runs without a root execution got a ROOT task"
    EXTRA_ROOTS = "further root executions of a run were put under the first one"
    PARENTS_MISSING = "tasks whose parent is missing were put under ROOT"
    PARENT_CYCLES = "cycles of parents were cut at their first execution, which was put under ROOT"
    ITERATIONS_FOLDED = "iteration executions were folded into their loops"
    STATES_UNKNOWN = (
        "missing and unknown states became RUNTIME_STATE_UNSPECIFIED, or were derived from the tasks within"
    )
    STATES_DERIVED = "groups of tasks that were still running in MLMD got the state of the tasks within or of their run"
    STATES_CLOSED = "tasks that were still running in runs that had ended got the state of their run"
    ARTIFACTS_OF_MISSING_TYPE = "artifacts whose type is missing became plain artifacts"
    ARTIFACTS_OF_OTHER_TYPES = (
        "artifacts of types that Lineal does not have became plain artifacts that keep the name of their type"
    )
    ARTIFACTS_WITHOUT_TASK = "artifacts that no run used or made were imported without links"
    ARTIFACTS_COPIED = "artifacts that a run uses in a namespace other than their own were copied to it"
    METRICS_WITHOUT_NUMBER = "metrics without any number became plain artifacts"
    VALUES_NULL = "properties without any value were skipped"
    STRUCTS_UNDECODABLE = "structures that cannot be decoded were kept as text"
    PARAMETERS_UNREADABLE = "parameters that cannot be read were kept in the task's status metadata"
    SELECTORS_UNREADABLE = "output selectors that cannot be read were skipped"
    NUMBERS_NOT_FINITE = "numbers that are not finite were kept as text"
    VALUES_TOO_DEEP = "values nested too deeply to be read were kept as JSON text"
    CHARACTERS_REPLACED = "characters that databases do not accept were replaced"
    TEXTS_CUT = "texts longer than Lineal's columns were cut; the whole text is in the metadata"
    IDS_REUSED = "rows whose id was that of another row when it was imported were imported under ids of their own"
    VALUES_REFUSED = "values that the store's database does not take were left out, some with their whole row; the next import tries again"
    TIMES_MISSING = "times that are missing or before 1970 were replaced by the best known time"


@dataclass(slots=True)
class Finding:
    """Cases of one rule and kind: how many, and some of them by name."""

    rule: Rule
    kind: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


class Findings:
    """Counts cases, and names so many of each; None stands for all, which is for the findings of one batch."""

    def __init__(self, named: int | None = EXAMPLES) -> None:
        self._named = named
        self._findings: dict[tuple[Rule, str], Finding] = {}

    def add(self, rule: Rule, *examples: str, kind: str = "", count: int = 1) -> None:
        """Count cases of a rule; the report lists kinds separately."""
        if not count:
            return
        kind = shown(kind)
        finding = self._findings.get((rule, kind))
        if finding is None:
            finding = self._findings[(rule, kind)] = Finding(rule, kind)
        finding.count += count
        if self._named is None:
            finding.examples.extend(map(shown, examples))
        elif len(finding.examples) < self._named:
            finding.examples.extend(map(shown, examples[: self._named - len(finding.examples)]))

    def merge(self, other: "Findings") -> None:
        """Add all cases of another one."""
        for finding in other:
            self.add(finding.rule, *finding.examples, kind=finding.kind, count=finding.count)

    def plus(self, other: "Findings", named: int | None = EXAMPLES) -> "Findings":
        """Return the sum, which names so many cases of each."""
        total = Findings(named)
        total.merge(self)
        total.merge(other)
        return total

    def count(self, rule: Rule, kind: str | None = None) -> int:
        """Return the cases of a rule, of one kind or of all."""
        return sum(finding.count for finding in self if finding.rule is rule and kind in (None, finding.kind))

    def __iter__(self) -> Iterator[Finding]:
        """Iterate over the findings in the order of the rules, then by kind."""
        order = {rule: place for place, rule in enumerate(Rule)}
        return iter(sorted(self._findings.values(), key=lambda finding: (order[finding.rule], finding.kind)))
