"""ArtifactService: links between artifacts and the tasks that used or produced them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from lineal.v2beta1 import artifact_pb2

from server.apis.kfp import codec
from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of, next_token
from server.rules import checks
from server.rules.links import NewLink, keep_links, new_link
from storage.contract import Page, ReadTx
from storage.fields import ARTIFACT_TASK_LIST
from storage.ids import new_id
from storage.model import ArtifactTask
from storage.slices import in_slices

Answer = TypeVar("Answer")


async def create_artifact_task(
    call: Call, request: artifact_pb2.CreateArtifactTaskRequest
) -> artifact_pb2.ArtifactTask:
    """Link an artifact to a task; a link that exists is returned as it is."""
    checks.require(request.HasField("artifact_task"), "artifact_task is required")
    return await _create(call, [request.artifact_task], _answer)


async def create_artifact_tasks_bulk(
    call: Call, request: artifact_pb2.CreateArtifactTasksBulkRequest
) -> artifact_pb2.CreateArtifactTasksBulkResponse:
    """Link many artifacts to tasks of one run, all or none, answered in the order asked."""
    checks.bulk("artifact_tasks", len(request.artifact_tasks), call.settings.bulk_items_max)
    return await _create(call, request.artifact_tasks, _bulk_answer)


async def _answer(links: Sequence[ArtifactTask]) -> artifact_pb2.ArtifactTask:
    [link] = links
    return codec.artifact_task_message(link)


async def _bulk_answer(links: Sequence[ArtifactTask]) -> artifact_pb2.CreateArtifactTasksBulkResponse:
    response = artifact_pb2.CreateArtifactTasksBulkResponse()
    await in_slices(links, lambda link: codec.artifact_task_message(link, response.artifact_tasks.add()))
    return response


async def list_artifact_tasks(
    call: Call, request: artifact_pb2.ListArtifactTasksRequest
) -> artifact_pb2.ListArtifactTasksResponse:
    """Return a page of links by tasks, runs, artifacts; tasks and artifacts must exist, runs need not."""
    ids = [sorted(set(group)) for group in (request.task_ids, request.run_ids, request.artifact_ids)]
    list_request = ListRequest.of(request, "artifact_tasks", listable=ARTIFACT_TASK_LIST, scope=[*ids, request.type])
    listing = listing_of(call, list_request)
    for name, group in zip(("task_ids", "run_ids", "artifact_ids"), ids, strict=True):
        checks.require("" not in group, f"{name} must not hold an empty id")
        checks.at_most(name, len(group), call.settings.bulk_items_max)
    checks.require(any(ids), "one of task_ids, run_ids and artifact_ids is required")
    task_ids, run_ids, artifact_ids = ids

    async def read(tx: ReadTx) -> Page[ArtifactTask]:
        if task_ids:
            checks.all_found("task", task_ids, await tx.tasks.heads(task_ids))
        if artifact_ids:
            checks.all_found("artifact", artifact_ids, await tx.artifacts.namespaces(artifact_ids))
        return await tx.artifact_tasks.list(
            listing, task_ids=task_ids, run_ids=run_ids, artifact_ids=artifact_ids, type=request.type or None
        )

    page = await call.store.read(read)
    response = artifact_pb2.ListArtifactTasksResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    await in_slices(page.rows, lambda row: codec.artifact_task_message(row, response.artifact_tasks.add()))
    return response


async def _create(
    call: Call,
    messages: Sequence[artifact_pb2.ArtifactTask],
    answer: Callable[[Sequence[ArtifactTask]], Awaitable[Answer]],
) -> Answer:
    news: list[NewLink] = []
    await in_slices(messages, lambda message: news.append(codec.new_link(message)))
    await in_slices(news, NewLink.check)
    links: list[ArtifactTask] = []
    await in_slices(news, lambda new: links.append(new_link(new, link_id=new_id())))
    return await call.write(lambda store: store.write(lambda tx: keep_links(tx, links)), answer)
