"""RunService: creating and reading runs."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from google.protobuf.struct_pb2 import Value
from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.calls.apart import SerializedMessage, message_of
from server.calls.call import Call
from server.calls.listings import ListRequest, cut, listing_of, next_token, reading
from server.errors import InvalidArgument, NotFound
from server.packages.reading import read_apart
from server.packages.specs import check_parameters, check_runnable, read_spec
from server.recorded_spec.sources import SpecSource, read_spec_source, recorded_spec, spec_source_of
from server.rules import checks, last_runs
from server.rules.linked_tasks import LinkedTasks
from server.rules.new_runs import RunStart, keep_run, known_before, new_run, version_of, with_version
from server.rules.tasks import new_task
from server.well_known.wire import item, tags
from storage.contract import Page, ReadTx, Store
from storage.errors import RowNotFound
from storage.fields import RUN_LIST
from storage.model import ChildTask, LinkedArtifact, Run, ShownRun, Task
from storage.slices import in_slices, in_turn

View = run_pb2.GetRunRequest.ViewMode  # ListRunsRequest has the same numbers
_WITH_TASKS: tuple[int, ...] = (View.FULL, View.RUNTIME_ONLY)
_WITHOUT_SPEC: tuple[int, ...] = (View.BASIC, View.RUNTIME_ONLY)  # a number that is not a view counts as DEFAULT
_AT_ONCE_BYTES = 128 * 1024
"""A new run that is larger is read apart: above this size, reading it would keep other calls waiting noticeably."""

(_TASKS,), (_RUNS,) = tags(run_pb2.Run, "tasks"), tags(run_pb2.ListRunsResponse, "runs")
_TASKS_BASIC = run_pb2.PipelineTask.TaskView.BASIC


async def create_run(call: Call, request: run_pb2.CreateRunRequest) -> run_pb2.Run | SerializedMessage:
    """Store a new run in state PENDING; nothing is executed here."""
    checks.require(request.HasField("run"), "run is required")
    message = request.run
    new = codec.new_run(message)
    new.check()
    if message.tasks:
        await in_slices(message.tasks, _check_task)
    try:
        new.check_version()
        if call.request_bytes > _AT_ONCE_BYTES:
            start = await read_apart(call.request_bytes, _read_start, message)
        else:
            start = _read_start(message)
    except InvalidArgument:
        # KFP's API server looks for the experiment first: its absence is reported before anything about the source.
        if new.experiment_id:
            await call.store.read_by_key(lambda tx: tx.experiments.get(new.experiment_id), is_one=True)
        raise
    run = new_run(new, start, run_id=call.new_id(), service_account=call.settings.service_account, now=call.now())
    try:
        run = await _with_version(call, run, message.runtime_config.parameters)
    except (InvalidArgument, NotFound, RowNotFound):
        earlier_run = await call.store.read_by_key(lambda tx: known_before(tx, run))
        if earlier_run is None:
            raise
        return await _created(earlier_run)
    namespace = call.scope().namespace

    async def write(store: Store) -> Run:
        kept = await store.write(lambda tx: keep_run(tx, run, namespace=namespace))
        await last_runs.record(store, kept.experiment_id, kept.created_at)
        return kept

    return await call.write(write, _created)


async def _created(run: Run) -> run_pb2.Run | SerializedMessage:
    return await message_of(codec.RUN_SIZE(run), codec.run_message, run, with_spec=False)


def _read_start(message: run_pb2.Run) -> RunStart:
    """Return what a new run is started with, once its specification is valid and fits its parameters."""
    spec = codec.pipeline_spec(message)
    if spec is not None:
        # Values as they are sent: a specification declares its inputs by the kinds of Values.
        pipeline = read_spec(spec)
        check_runnable(pipeline)
        check_parameters(pipeline.root.input_definitions, message.runtime_config.parameters)
    return codec.run_start(message, spec)


async def _with_version(call: Call, run: Run, parameters: Mapping[str, Value]) -> Run:
    """Return the run with what it has of the version that it names, before the transaction that keeps it.

    No snapshot is needed: a version never changes, but for its name and tags.
    """
    if not run.pipeline_id and not run.pipeline_version_id:
        return run
    version = await call.store.read_by_key(lambda tx: version_of(tx, run), is_one=True)
    if version.pipeline_spec is not None:
        from server.packages.root_inputs import root_inputs  # with KFP's messages

        check_parameters(await root_inputs(version.pipeline_spec), parameters)
    return with_version(run, version)


async def get_run(call: Call, request: run_pb2.GetRunRequest) -> run_pb2.Run | SerializedMessage:
    """Return a run, with its tasks when the view is FULL or RUNTIME_ONLY.

    A run from a pipeline version names it in the view DEFAULT, and shows its own copy of the specification once the
    version is gone. A run without any specification shows one made from its tasks.
    """
    run_id = checks.known_id("run", request.run_id)
    tasks_basic = request.task_view == _TASKS_BASIC
    with_tasks, with_spec = request.view in _WITH_TASKS, request.view not in _WITHOUT_SPEC
    if with_spec and not with_tasks:
        shown = await call.store.read_by_key(lambda tx: tx.runs.get_shown(run_id), is_one=True)
        if shown.run.pipeline_spec is not None or shown.has_version:
            call.check_size(codec.RUN_SIZE(shown.run))
            return await _message_of(request, shown.run, shown.task_count)

    async def read(tx: ReadTx) -> tuple[Run, int, LinkedTasks, SpecSource | None]:
        call.check_known()
        if with_spec and not with_tasks:
            shown_run = await tx.runs.get_shown(run_id)
        else:
            shown_run = ShownRun(await tx.runs.get(run_id, with_spec=with_spec), has_version=False)
        run = shown_run.run
        lacks_spec = (
            with_spec and run.pipeline_spec is None and not await _has_version(tx, shown_run, is_final=not with_tasks)
        )
        if not with_tasks:
            source = await read_spec_source(call.recorded_specs, tx, run) if lacks_spec else None
            counts = {run_id: source.recording.activity.task_count} if source else await tx.runs.task_counts([run_id])
            return run, counts.get(run_id, 0), LinkedTasks(), source
        tasks, links = await _tasks_of(tx, [run_id], basic=tasks_basic, rows_max=call.rows_max)
        source = None
        if lacks_spec:
            specs = call.recorded_specs
            source = await read_spec_source(specs, tx, run) if tasks_basic else spec_source_of(specs, run, tasks, links)
        children = [] if tasks_basic else _children_among(tasks)
        return run, len(tasks), LinkedTasks(tasks, links, children), source

    reads = call.store.read if with_tasks else call.store.read_by_key
    run, task_count, linked_tasks, source = await reads(read)
    call.check_size(codec.RUN_SIZE(run) + codec.largest_metadata(linked_tasks.links))
    message = await _message_of(request, run, task_count)
    tasks: list[bytes] = []

    def add(_: Task, data: bytes) -> None:
        tasks.append(item(_TASKS, data))

    await codec.write_tasks(linked_tasks, add, form=codec.WIRE, basic=tasks_basic)
    if source is not None:
        spec = await recorded_spec(call.recorded_specs, source)
        message.pipeline_spec.ParseFromString(spec.struct)
    if not tasks:
        return message
    return SerializedMessage(run_pb2.Run, b"".join([message.SerializeToString(), *tasks]))


async def _message_of(request: run_pb2.GetRunRequest, run: Run, task_count: int) -> run_pb2.Run:
    message = run_pb2.Run()
    # FULL shows the stored spec of a run from a version too: a pod that asks for it need not fetch the version.
    rest = _write(run, message, request.view, task_count, with_spec=True)
    if rest is not None:
        await rest
    return message


async def _has_version(tx: ReadTx, shown_run: ShownRun, *, is_final: bool) -> bool:
    """Say whether a run without a specification of its own names a version that has one."""
    if is_final or not shown_run.run.pipeline_version_id:
        return shown_run.has_version
    return (await tx.runs.get_shown(shown_run.run.id)).has_version


async def list_runs(call: Call, request: run_pb2.ListRunsRequest) -> run_pb2.ListRunsResponse | SerializedMessage:
    """Return a page of runs; an experiment limits it, in single-user mode a namespace does not."""
    view: int = request.view
    list_request = ListRequest.of(request, "runs", listable=RUN_LIST, scope=[request.experiment_id])
    with_tasks = view in _WITH_TASKS
    listing = listing_of(call, list_request, page_size_max=call.settings.full_page_size_max if with_tasks else None)
    experiment_id = checks.known_id("experiment", request.experiment_id) if request.experiment_id else None
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx) -> tuple[Page[Run], Mapping[str, int], LinkedTasks]:
        call.check_known()
        if experiment_id is not None:
            await tx.experiments.get(experiment_id)
        page = await tx.runs.list(
            listing, experiment_id=experiment_id, namespace=namespace, with_spec=view not in _WITHOUT_SPEC
        )
        # A page that is sorted by what was not read cannot say where it ends.
        may_end_early = view not in _WITHOUT_SPEC or listing.order.field.column != "pipeline_spec"
        if may_end_early:
            page = cut(call, page, listing, codec.RUN_SIZE)
        run_ids = [run.id for run in page.rows]
        if not run_ids or not with_tasks:
            return page, await tx.runs.task_counts(run_ids) if run_ids else {}, LinkedTasks()
        tasks, links = await _tasks_of(tx, run_ids, basic=False, rows_max=call.rows_max)
        if may_end_early:
            page = cut(call, page, listing, _with_tasks(tasks, links))
            shown_ids = {run.id for run in page.rows}
            tasks = [task for task in tasks if task.run_id in shown_ids]
        return page, Counter(task.run_id for task in tasks), LinkedTasks(tasks, links, _children_among(tasks))

    reads = call.store.read if with_tasks else reading(call, listing)
    page, counts, linked_tasks = await reads(read)
    response = run_pb2.ListRunsResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )

    def write(run: Run) -> Awaitable[None] | None:
        return _write(run, response.runs.add(), view, counts.get(run.id, 0))

    await in_turn(page.rows, write)
    return await _with_tasks_of(linked_tasks, response) if linked_tasks.tasks else response


async def _with_tasks_of(linked_tasks: LinkedTasks, response: run_pb2.ListRunsResponse) -> SerializedMessage:
    """Return an answer with the tasks of its runs, which are written at the end of each; takes the runs out of it."""
    tasks: dict[str, list[bytes]] = {run.run_id: [] for run in response.runs}

    def add_task(task: Task, data: bytes) -> None:
        tasks[task.run_id].append(item(_TASKS, data))

    await codec.write_tasks(linked_tasks, add_task, form=codec.WIRE)
    pieces: list[bytes] = []

    def add(run: run_pb2.Run) -> None:
        pieces.append(item(_RUNS, b"".join([run.SerializeToString(), *tasks.pop(run.run_id)])))

    await in_slices(response.runs, add)
    response.ClearField("runs")
    return SerializedMessage(run_pb2.ListRunsResponse, b"".join([*pieces, response.SerializeToString()]))


def _with_tasks(tasks: Sequence[Task], links: Sequence[LinkedArtifact]) -> Callable[[Run], int]:
    """Return what adds up the texts of a run, its tasks and their artifacts."""
    sizes: Counter[str] = Counter()
    for task in tasks:
        sizes[task.run_id] += codec.TASK_SIZE(task)
    for linked in links:
        sizes[linked.link.run_id] += len(linked.artifact.metadata or "")
    return lambda run: codec.RUN_SIZE(run) + sizes[run.id]


def _write(
    run: Run, target: run_pb2.Run, view: int, task_count: int | None, *, with_spec: bool = False
) -> Awaitable[None] | None:
    if view == View.BASIC:
        codec.basic_run_message(run, target, task_count=task_count)
        return None
    return codec.write_run(
        run, target, with_spec=with_spec, with_settings=view != View.RUNTIME_ONLY, task_count=task_count
    )


async def _tasks_of(
    tx: ReadTx, run_ids: Sequence[str], *, basic: bool, rows_max: int | None
) -> tuple[Sequence[Task], Sequence[LinkedArtifact]]:
    """Return the tasks of runs, oldest first, and their links unless these are not to be shown; raises TooManyRows."""
    tasks = await tx.tasks.list_of_runs(run_ids, rows_max=rows_max)
    return tasks, [] if basic else await tx.artifact_tasks.of_runs(run_ids)


def _children_among(tasks: Sequence[Task]) -> list[ChildTask]:
    """Return the children among all tasks of runs: they need no statement."""
    return [_child(task) for task in tasks if task.parent_task_id is not None]


def _check_task(task: run_pb2.PipelineTask) -> None:
    """A task of a new run is dropped, but a bad one fails the call."""
    codec.task_texts(task).check()
    new_task(codec.new_task(task), task_id="-", run_id="-", namespace="-", now=0)


def _child(task: Task) -> ChildTask:
    assert task.parent_task_id is not None
    return ChildTask(task.id, task.name, task.parent_task_id)
