"""What the demo's history is told in: pipelines with their steps, and runs of them."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from storage.record import record

Value = str | float | bool
Metadata = Mapping[str, Any]


@record
class Output:
    """An artifact that a step makes. In `uri`, {run} is the name of the run, {n} the number of the iteration."""

    key: str
    type: str
    uri: str = ""
    metadata: Metadata = field(default_factory=dict)


@record
class Step:
    """A task of a pipeline, or a group of tasks.

    `takes` names artifacts as STEP.KEY by input, `parameters` the run's parameters that it is passed, `passed` results of other
    steps as STEP.NAME, `numbers` the metrics that
    it makes (artifacts of type Metric), `results` its output parameters. `over` is the parameter of a loop and its values; a
    loop's artifacts are taken by all steps behind it at once.
    """

    name: str
    seconds: float = 0.0
    image: str = ""
    type: str = "RUNTIME"
    takes: Mapping[str, str] = field(default_factory=dict)
    parameters: Sequence[str] = ()
    passed: Mapping[str, str] = field(default_factory=dict)
    makes: Sequence[Output] = ()
    numbers: Sequence[str] = ()
    results: Sequence[str] = ()
    steps: Sequence["Step"] = ()
    over: tuple[str, Sequence[float]] | None = None
    since: int = 1
    """The version of the pipeline that has it first."""


@record
class Pipeline:
    """A pipeline; `versions` are how many hours ago each was uploaded, and what it brought."""

    name: str
    description: str
    experiment: str
    parameters: Mapping[str, Value]
    versions: Sequence[tuple[float, str]]
    steps: Sequence[Step]

    def of(self, version: int) -> Sequence[Step]:
        """Return the steps of a version, counted from 1."""
        return [step for step in self.steps if step.since <= version]


@record
class Failure:
    """How a run ended early: in a step, or in an iteration of it, with what its program said."""

    step: str
    message: str
    iteration: int | None = None


@record
class Run:
    """A run that began so many hours ago.

    `values` are metrics and results by name, or by name and iteration (`auc[1]`); metadata of artifacts go by STEP.KEY.
    `stops_at` names the step during which the story ends: the run is still running there, or was canceled there.
    """

    pipeline: Pipeline
    version: int
    name: str
    hours_ago: float
    parameters: Mapping[str, Value] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    cached: Sequence[str] = ()
    skipped: Sequence[str] = ()
    failure: Failure | None = None
    stops_at: str = ""
    is_canceled: bool = False
    is_archived: bool = False
    slowness: float = 1.0
