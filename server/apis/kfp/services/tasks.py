"""RunService: tasks."""

import functools
import json
from collections.abc import Sequence

from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.apis.kfp.services.task_updates import TaskUpdates
from server.calls.apart import APART_BYTES, SerializedMessage, apart
from server.calls.call import Call
from server.calls.listings import ListRequest, cut, listing_of, next_token
from server.errors import InvalidArgument
from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.linked_tasks import LinkedTasks
from server.rules.task_writes import check_parent, keep_task
from server.rules.tasks import new_task
from server.well_known.wire import item, tags, written
from storage.contract import Listing, Page, ReadTx
from storage.fields import TASK_LIST
from storage.model import LinkedArtifact, Task
from storage.slices import in_slices

_BASIC = run_pb2.PipelineTask.TaskView.BASIC
(_LISTED,), (_CACHED,) = tags(run_pb2.ListTasksResponse, "tasks"), tags(run_pb2.FindCachedTaskResponse, "task")
(_UPDATED,) = tags(run_pb2.UpdateTasksBulkResponse, "tasks")
_UPDATED_ID, _UPDATED_TASK = tags(run_pb2.UpdateTasksBulkResponse.TasksEntry, "key", "value")


async def create_task(call: Call, request: run_pb2.CreateTaskRequest) -> SerializedMessage:
    """Store a new task; one that was created before with the same logical key is returned unchanged."""
    checks.require(request.run_id, "run_id is required")
    checks.require(request.HasField("task"), "task is required")
    texts = codec.task_texts(request.task)
    texts.check_ids(run_id=request.run_id)
    texts.check()
    run_id = checks.known_id("run", request.run_id)
    namespace = call.scope().namespace  # until its run is read
    is_large = call.request_bytes > APART_BYTES
    record = functools.partial(
        _new_task, request.task, task_id=call.new_id(), run_id=run_id, namespace=namespace, now=call.now()
    )
    task = await apart(record) if is_large else record()
    return await call.write(lambda store: keep_task(store, task, now=call.now), _created)


async def _created(task: Task) -> SerializedMessage:
    return await _message_of_one(LinkedTasks([task]))


async def update_task(call: Call, request: run_pb2.UpdateTaskRequest) -> SerializedMessage:
    """Merge what is sent into a task and return it, in the view FULL with artifacts and children."""
    checks.require(request.run_id, "run_id is required")
    checks.require(request.task_id, "task_id is required")
    checks.require(request.HasField("task"), "task is required")
    _check_texts(request.task, task_id=request.task_id, run_id=request.run_id)
    basic = request.task_view == _BASIC
    updates = TaskUpdates({request.task_id: request.task}, is_linked=not basic, now=call.now)
    updates.read(request.task_id, is_large=call.request_bytes > APART_BYTES)
    answer = functools.partial(_message_of_one, basic=basic)
    return await call.write(lambda store: updates.write(store, request.run_id), answer)


async def update_tasks_bulk(call: Call, request: run_pb2.UpdateTasksBulkRequest) -> SerializedMessage:
    """Merge what is sent into many tasks of a run, all or none."""
    checks.bulk("tasks", len(request.tasks), call.settings.bulk_items_max)
    checks.require(request.run_id, "run_id is required")

    def check(task_id: str) -> None:
        checks.require(task_id, "a key of tasks is empty")
        _check_texts(request.tasks[task_id], task_id=task_id, run_id=request.run_id)

    await in_slices(list(request.tasks), check)
    basic = request.task_view == _BASIC
    updates = TaskUpdates(request.tasks, is_linked=not basic, now=call.now)
    may_have_large = call.request_bytes > APART_BYTES

    def read(task_id: str) -> None:
        updates.read(task_id, is_large=may_have_large and request.tasks[task_id].ByteSize() > APART_BYTES)

    await in_slices(sorted(request.tasks), read)
    answer = functools.partial(_bulk_answer, basic=basic)
    return await call.write(lambda store: updates.write(store, request.run_id), answer)


async def _bulk_answer(tasks: LinkedTasks, *, basic: bool) -> SerializedMessage:
    entries: list[bytes] = []

    def add(task: Task, data: bytes) -> None:
        entries.append(item(_UPDATED, written(_UPDATED_ID, task.id).encode("latin-1") + item(_UPDATED_TASK, data)))

    await codec.write_tasks(tasks, add, form=codec.WIRE, basic=basic)
    return SerializedMessage(run_pb2.UpdateTasksBulkResponse, b"".join(entries))


async def get_task(call: Call, request: run_pb2.GetTaskRequest) -> SerializedMessage:
    """Return a task, in the view FULL with artifacts and children."""
    checks.require(request.run_id, "run_id is required")
    checks.require(request.task_id, "task_id is required")
    task_id = checks.known_id("task", request.task_id)
    basic = request.task_view == _BASIC

    async def read(tx: ReadTx) -> LinkedTasks:
        if basic:
            return LinkedTasks([await tx.tasks.get(task_id)])
        task, links, children = await tx.tasks.linked(task_id, request.run_id)
        return LinkedTasks([task], links, children)

    tasks = await call.store.read_by_key(read, is_one=True)
    if tasks.tasks[0].run_id != request.run_id:
        raise InvalidArgument(f"task {task_id!r} is not of run {request.run_id!r}")
    call.check_size(codec.task_size(tasks.tasks[0], tasks.links))
    return await _message_of_one(tasks, basic=basic)


async def list_tasks(call: Call, request: run_pb2.ListTasksRequest) -> SerializedMessage | bytes:
    """Return a page of a run's tasks, or of one task's direct children, in the view FULL with artifacts and children.

    It is JSON if the caller takes that.
    """
    checks.require(request.run_id, "run_id is required")
    run_id = request.run_id
    basic = request.task_view == _BASIC
    list_request = ListRequest(
        name="tasks",
        listable=TASK_LIST,
        scope=[run_id, request.parent_id],
        page_size=request.page_size,
        page_token=request.page_token,
        order_text=request.order_by,
        filter_text=request.filter,
        with_total=not request.skip_total_size,
    )

    async def read(tx: ReadTx) -> tuple[Listing, Page[Task], LinkedTasks]:
        # KFP's API server looks for the parent before it reads the other fields: its absence is reported first.
        if request.parent_id:
            check_parent(request.parent_id, run_id, await tx.tasks.heads([request.parent_id]))
        listing = listing_of(call, list_request)
        page = await tx.tasks.list(listing, run_id=run_id, parent_task_id=request.parent_id or None)
        page = cut(call, page, listing, codec.TASK_SIZE)
        task_ids = [task.id for task in page.rows]
        if basic or not task_ids:
            return listing, page, LinkedTasks(page.rows)
        links = await tx.artifact_tasks.of_tasks(task_ids)
        return listing, page, LinkedTasks(page.rows, links, await tx.tasks.children(run_id, task_ids))

    listing, page, tasks = await call.store.read(read)
    call.check_size(codec.largest_metadata(tasks.links))
    token = next_token(call, list_request, listing, page)
    if call.caller.takes_json:
        try:
            return await _json_page(tasks, page.total_size, token, basic=basic)
        except codec.NoJson:  # made of the message, by the door
            pass
    pieces: list[bytes] = []
    await codec.write_tasks(tasks, lambda _, data: pieces.append(item(_LISTED, data)), form=codec.WIRE, basic=basic)
    rest = run_pb2.ListTasksResponse(total_size=page.total_size, next_page_token=token)
    return SerializedMessage(run_pb2.ListTasksResponse, b"".join([*pieces, rest.SerializeToString()]))


async def _json_page(tasks: LinkedTasks, total_size: int, token: str, *, basic: bool) -> bytes:
    """Return a ListTasksResponse as the REST door writes it."""
    items: list[str] = []
    await codec.write_tasks(tasks, lambda _, text: items.append(text), form=codec.JSON, basic=basic)
    fields = [f'"tasks":[{",".join(items)}]'] if items else []
    fields += [f'"next_page_token":{json.dumps(token)}'] if token else []
    fields += [f'"total_size":{total_size}'] if total_size else []
    return f"{{{','.join(fields)}}}".encode()


async def find_cached_task(
    call: Call, request: run_pb2.FindCachedTaskRequest
) -> run_pb2.FindCachedTaskResponse | SerializedMessage:
    """Return the newest task that succeeded with a fingerprint, with artifacts; or an empty response."""
    checks.require(request.cache_fingerprint, "cache_fingerprint is required")
    checks.max_characters(
        "cache_fingerprint", request.cache_fingerprint, MAX_CHARACTERS["FindCachedTaskRequest.cache_fingerprint"]
    )
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx) -> tuple[Task | None, Sequence[LinkedArtifact]]:
        task = await tx.tasks.find_cached(request.cache_fingerprint, namespace)
        return task, [] if task is None else await tx.artifact_tasks.of_tasks([task.id])

    found = await call.store.read_by_key(
        lambda tx: tx.tasks.find_cached(request.cache_fingerprint, namespace), is_one=True
    )
    if found is None:
        return run_pb2.FindCachedTaskResponse()
    # In one snapshot, and anew: most calls find nothing, and need only one statement.
    task, links = await call.store.read_by_key(read)
    pieces: list[bytes] = []
    if task is not None:
        tasks = LinkedTasks([task], links)
        await codec.write_tasks(tasks, lambda _, data: pieces.append(item(_CACHED, data)), form=codec.WIRE)
    return SerializedMessage(run_pb2.FindCachedTaskResponse, b"".join(pieces))


async def _message_of_one(tasks: LinkedTasks, *, basic: bool = False) -> SerializedMessage:
    """Return the only task; all links and children are its own."""
    (task,) = tasks.tasks
    if codec.task_size(task, tasks.links) > APART_BYTES:
        data = await apart(codec.task_data, task, artifacts=tasks.links, children=tasks.children, basic=basic)
    else:
        data = codec.task_data(task, artifacts=tasks.links, children=tasks.children, basic=basic)
    return SerializedMessage(run_pb2.PipelineTask, data)


def _new_task(message: run_pb2.PipelineTask, *, task_id: str, run_id: str, namespace: str, now: int) -> Task:
    return new_task(codec.new_task(message), task_id=task_id, run_id=run_id, namespace=namespace, now=now)


def _check_texts(task: run_pb2.PipelineTask, *, task_id: str, run_id: str) -> None:
    texts = codec.task_texts(task)
    texts.check_ids(task_id=task_id, run_id=run_id)
    texts.check()
