"""Maps the rows of one run to its records. `migrations.mlmd.source` calls this with the readers' rows; it does no I/O.

The kind of the run decides which rules apply; rules common to all kinds are applied here.
"""

from collections.abc import Mapping, Sequence

from migrations.mlmd.mapping import generic, kfp_v2
from migrations.mlmd.mapping.artifacts import ArtifactMapping
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.links import Links, read_events
from migrations.mlmd.mapping.run_context import RunContext
from migrations.mlmd.mapping.run_record import run_id, run_record
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.namespaces import run_namespace
from migrations.mlmd.vocabulary.records import Options, RunRecords
from migrations.mlmd.vocabulary.rows import ArtifactRow, Origin, RunKind, RunRows
from migrations.mlmd.vocabulary.times import is_time
from migrations.mlmd.vocabulary.values import Properties, cut, decode_properties
from storage import lengths
from storage.documents.plain import Plain
from storage.model import Artifact

_NAMES_OF_RUNS = ("run_id", "pipeline_name")


def map_run(rows: RunRows, options: Options) -> RunRecords:
    """Return the records of one run, always the same for the same rows and options."""
    findings, ids, context = Findings(None), Ids(options.store_id), rows.context
    subject = f"context {context.id}"
    properties = decode_properties(context.properties, findings, subject)
    namespace = run_namespace(context, rows.kfp)
    artifacts = _artifacts(rows, ids, findings, namespace=namespace)
    events = read_events(rows.events, artifacts, findings)
    links = Links(ids, run_id(context, rows.kfp, ids), findings)
    run_context = RunContext(
        rows=rows,
        events=events,
        artifacts=artifacts,
        links=links,
        ids=ids,
        findings=findings,
        namespace=cut(namespace, lengths.NAMESPACE, Findings(), subject),
        fallback=_first_time(rows),
        types_from_spec=options.types_from_spec,
    )
    is_v2 = context.kind is RunKind.KFP_V2
    tasks = kfp_v2.map_tasks(run_context) if is_v2 else generic.map_tasks(run_context)
    run = run_record(
        context,
        rows.kfp,
        properties,
        findings,
        id=links.run_id,
        state=tasks.course.state,
        created_at=tasks.course.created_at,
        finished_at=tasks.course.finished_at,
        inputs=tasks.inputs if is_v2 else _settings(properties),
    )
    return RunRecords(
        context_id=context.id,
        run=run,
        tasks=tasks.tasks,
        artifacts=[artifact for records in artifacts.values() for artifact in records],
        links=links.records,
        findings=findings,
        task_ids=tasks.task_ids,
        artifact_ids={id: [record.id for record in records] for id, records in artifacts.items()},
        made_root=ids.root(context.id),
        dated_ids=_dated_ids(rows, run.id, tasks, artifacts),
        own_artifacts=sum(origin.context_id == context.id for origin in rows.artifact_origins.values()),
    )


def map_artifact_without_run(
    row: ArtifactRow, origin: Origin, options: Options, findings: Findings
) -> tuple[Artifact, ...]:
    """Return the records of an artifact that no run used or made."""
    findings.add(Rule.ARTIFACTS_WITHOUT_TASK, f"artifact {row.id}", kind=row.type or "")
    return ArtifactMapping(Ids(options.store_id)).artifacts(row, origin, findings, namespace=origin.namespace)


def _artifacts(rows: RunRows, ids: Ids, findings: Findings, *, namespace: str) -> dict[int, tuple[Artifact, ...]]:
    mapping = ArtifactMapping(ids)
    artifacts = {}
    for row in rows.artifacts.values():
        origin = rows.artifact_origins[row.id]
        # Each artifact is counted once, in the run it comes from.
        artifact_findings = findings if origin.context_id == rows.context.id else Findings()
        artifacts[row.id] = mapping.artifacts(row, origin, artifact_findings, namespace=namespace)
        if namespace != origin.namespace:
            findings.add(Rule.ARTIFACTS_COPIED, f"artifact {row.id}", kind=namespace)
    return artifacts


def _dated_ids(
    rows: RunRows, id: str, tasks: kfp_v2.TaskRecords, artifacts: Mapping[int, Sequence[Artifact]]
) -> list[str]:
    """Return the ids of the records whose time of creation is that of their row."""
    times = {row.id: row.created for row in rows.executions}
    executions: dict[str, int] = {}
    for execution_id, task_id in tasks.task_ids.items():
        # A loop comes before its iterations, which are folded into it.
        executions.setdefault(task_id, execution_id)
    dated_ids = [id] if is_time(rows.context.created) else []
    dated_ids += (task_id for task_id, execution_id in executions.items() if is_time(times[execution_id]))
    return dated_ids + [
        record.id
        for row_id, records in artifacts.items()
        if is_time(rows.artifacts[row_id].created)
        for record in records
    ]


def _settings(properties: Properties) -> dict[str, Plain]:
    """Return the properties of a run that is not of KFP v2, without those that only repeat its name."""
    return {
        name: value
        for name, value in {**properties.standard, **properties.custom}.items()
        if name not in _NAMES_OF_RUNS
    }


def _first_time(rows: RunRows) -> int:
    """Return the time that replaces missing ones, in microseconds: the earliest one in the run."""
    if is_time(rows.context.created):
        return rows.context.created * 1000
    if rows.kfp is not None and rows.kfp.created_at:
        return rows.kfp.created_at
    times = [execution.created for execution in rows.executions] + [event.at for event in rows.events]
    return min((time for time in times if is_time(time)), default=0) * 1000
