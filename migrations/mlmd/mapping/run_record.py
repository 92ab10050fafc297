"""The record of a run: from its context, its tasks and, if given, KFP's own database. `run` calls this."""

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.states import run_history, run_state
from migrations.mlmd.vocabulary.cleaning import clean_object, clean_text
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.namespaces import run_namespace
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun, RunKind
from migrations.mlmd.vocabulary.times import microseconds
from migrations.mlmd.vocabulary.values import Properties, cut, text_of
from storage import lengths
from storage.documents.plain import Plain
from storage.documents.runs import RuntimeConfig
from storage.model import Run, RunState, TaskState

_UNENDED = {RunState.RUNTIME_STATE_UNSPECIFIED.name, RunState.PENDING.name, RunState.RUNNING.name}


def run_id(context: ContextRow, kfp: KfpRun | None, ids: Ids) -> str:
    """Return the id of a run: KFP's own, otherwise one made from its context."""
    if kfp is not None and not context.repeats:
        return kfp.id
    has_id_as_name = context.kind is RunKind.KFP_V2 and 0 < len(context.name.encode(errors="replace")) <= lengths.ID
    return (
        context.name if has_id_as_name and context.name.isprintable() and not context.repeats else ids.run(context.id)
    )


def run_record(
    context: ContextRow,
    kfp: KfpRun | None,
    properties: Properties,
    findings: Findings,
    *,
    id: str,
    state: TaskState,
    created_at: int,
    finished_at: int | None,
    inputs: dict[str, Plain],
) -> Run:
    """Return the run; state, times and inputs are those of its ROOT task, or of its tasks together."""
    subject = f"context {context.id}"
    kfp_run = kfp or KfpRun(id)
    if context.repeats:
        findings.add(Rule.RUNS_WITH_TAKEN_ID, subject)
    start = microseconds(context.created, created_at, findings, subject)
    start = kfp_run.created_at or min(start, created_at or start)
    run_state_name = kfp_run.state or run_state(state)
    end = None if run_state_name in _UNENDED else kfp_run.finished_at or finished_at
    namespace = run_namespace(context, kfp)
    _compare_namespaces(context, properties, namespace, findings)
    return Run(
        id=id,
        experiment_id=cut(kfp_run.experiment_id, lengths.ID, findings, subject),
        display_name=cut(kfp_run.name or _name(context), lengths.DISPLAY_NAME, findings, subject),
        created_at=start,
        scheduled_at=kfp_run.scheduled_at or start,
        updated_at=max(start, end or 0),
        namespace=cut(namespace, lengths.NAMESPACE, findings, subject),
        description=clean_text(kfp_run.description, findings, subject),
        storage_state=kfp_run.storage_state,
        state=run_state_name,
        state_history=kfp_run.state_history or run_history(run_state_name, start, end),
        finished_at=end,
        service_account=cut(kfp_run.service_account, lengths.SERVICE_ACCOUNT, findings, subject),
        recurring_run_id=cut(kfp_run.recurring_run_id, lengths.ID, findings, subject),
        pipeline_id=cut(kfp_run.pipeline_id, lengths.ID, findings, subject),
        pipeline_version_id=cut(kfp_run.pipeline_version_id, lengths.ID, findings, subject),
        runtime_config=_runtime_config(context, kfp_run, properties, inputs, findings),
        pipeline_spec=kfp_run.pipeline_spec,
    )


def _name(context: ContextRow) -> str:
    """Return the name of a run without one in KFP's own database; the names of KFP v2's contexts are ids."""
    if context.kind is RunKind.KFP_V2:
        return context.pipeline_name or context.name
    return context.name


def _compare_namespaces(context: ContextRow, properties: Properties, namespace: str, findings: Findings) -> None:
    context_namespace = text_of(properties.custom.get("namespace"))
    if context_namespace and context_namespace != namespace:
        findings.add(Rule.NAMESPACES_DIFFER, f"context {context.id}")
    if context.kind is RunKind.KFP_V2 and not namespace and "namespace" not in properties.custom:
        findings.add(Rule.NAMESPACES_MISSING, f"context {context.id}")


def _runtime_config(
    context: ContextRow, kfp_run: KfpRun, properties: Properties, inputs: dict[str, Plain], findings: Findings
) -> str | None:
    subject = f"context {context.id}"
    parameters = kfp_run.parameters or clean_object(inputs, findings, subject)
    root = kfp_run.pipeline_root or text_of(properties.custom.get("pipeline_root"))
    return RuntimeConfig(parameters, clean_text(root, findings, subject)).to_text()
