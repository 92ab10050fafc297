"""OverviewService: what is recorded, summed up, and runs as a list shows them."""

from lineal.v1 import overview_pb2

from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of, next_token
from server.rules import checks, overview
from server.rules.run_summaries import Columns, Details, RunSummary, read_details, summarize
from server.well_known.times import set_time
from server.well_known.values import set_value
from storage.contract import Page, ReadTx
from storage.fields import RUN_LIST
from storage.model import StorageState
from storage.overview import RunRow

LATEST_DEFAULT, LATEST_MAX = 10, 100
"""How many of the latest runs are returned."""

# What a page takes longest for is its parameters: so many pieces of this size are made here, one after the other.
_PAGE_PARTS = 8


async def get_overview(call: Call, request: overview_pb2.GetOverviewRequest) -> overview_pb2.Overview:
    """Return how many runs there are in each state, those that are quiet, the latest, and the address of the web UI."""
    checks.require(0 <= request.latest <= LATEST_MAX, f"latest must be between 0 and {LATEST_MAX}")
    namespace, latest, now = call.scope().namespace_filter, request.latest or LATEST_DEFAULT, call.now()

    async def read(tx: ReadTx) -> tuple[overview.Overview, Details]:
        found = await overview.read_overview(tx, namespace=namespace, latest=latest, now=now)
        return found, await read_details(tx, [*found.quiet, *found.latest], Columns())

    found, details = await call.store.read(read)
    answer = overview_pb2.Overview(ui_url=call.web_ui.url)
    for state, count in found.states:
        _write_count(count, answer.states.add(state=state).runs)
    _write_count(found.running, answer.running)
    _write_count(found.failed_lately, answer.failed_lately)
    for summary in await summarize(found.quiet, details, Columns()):
        _write_run(summary, answer.quiet.add())
    for summary in await summarize(found.latest, details, Columns()):
        _write_run(summary, answer.latest.add())
    return answer


async def list_run_summaries(
    call: Call, request: overview_pb2.ListRunSummariesRequest
) -> overview_pb2.ListRunSummariesResponse:
    """Return a page of runs; an experiment limits it, in single-user mode a namespace does not."""
    columns = Columns.of(request.columns)
    list_request = ListRequest(
        name="run summaries",
        listable=RUN_LIST,
        scope=[request.experiment_id],
        page_size=request.page_size,
        page_token=request.page_token,
        order_text=request.sort_by,
        filter_text=request.filter,
        with_total=False,
    )
    listing = listing_of(call, list_request)
    experiment_id = checks.known_id("experiment", request.experiment_id) if request.experiment_id else None
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx) -> tuple[Page[RunRow], Details]:
        call.check_known()
        if experiment_id is not None:
            await tx.experiments.get(experiment_id)
        page = await tx.overview.list_runs(listing, experiment_id=experiment_id, namespace=namespace)
        details = await read_details(tx, page.rows, columns)
        call.check_size(details.size // _PAGE_PARTS)
        return page, details

    page, details = await call.store.read(read)
    answer = overview_pb2.ListRunSummariesResponse(next_page_token=next_token(call, list_request, listing, page))
    for summary in await summarize(page.rows, details, columns):
        _write_run(summary, answer.runs.add())
    return answer


def _write_count(count: overview.Count, target: overview_pb2.Overview.Count) -> None:
    target.count, target.more = count.count, count.more


def _write_run(summary: RunSummary, target: overview_pb2.RunSummary) -> None:
    row = summary.row
    target.run_id, target.display_name, target.state = row.id, row.display_name, row.state
    target.archived, target.namespace = row.storage_state == StorageState.ARCHIVED.name, row.namespace
    target.experiment_id, target.experiment_name = row.experiment_id, summary.experiment
    target.pipeline_id, target.pipeline_name = row.pipeline_id, summary.pipeline
    target.pipeline_version_id, target.pipeline_version_name = row.pipeline_version_id, summary.version
    set_time(target.created_at, row.created_at)
    set_time(target.updated_at, row.updated_at)
    if row.finished_at is not None:
        set_time(target.finished_at, row.finished_at)
    if summary.failed is not None:
        target.failed.task_id, target.failed.message = summary.failed.id, summary.failure
        target.failed.name = summary.failed.display_name or summary.failed.name
    for metric in summary.metrics:
        target.metrics.add(name=metric.name, value=metric.value, artifact_id=metric.artifact_id)
    for name, value in summary.columns.items():
        set_value(target.columns[name], value)
