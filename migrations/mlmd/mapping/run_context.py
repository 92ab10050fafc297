"""The input of both mappings of runs: its rows, their events and artifacts, and where to add links and findings."""

from collections.abc import Mapping, Sequence

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.links import Links, ReadEvent
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.rows import RunRows
from storage.model import Artifact
from storage.record import record


@record
class RunContext:
    """One run that is being mapped; `fallback` (microseconds) replaces missing times."""

    rows: RunRows
    events: Sequence[ReadEvent]
    artifacts: Mapping[int, Sequence[Artifact]]
    links: Links
    ids: Ids
    findings: Findings
    namespace: str
    fallback: int
    types_from_spec: bool
