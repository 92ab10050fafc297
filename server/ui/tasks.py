"""The address of a task: it leads on to the part of its run's page that shows it, which is found with one call."""

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.rendering import redirect
from server.ui.visit import Visit


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Lead on to the level of the run that has the task, and to its row there."""
    task = await desk.ask("RunService.GetTask", task_view="BASIC", **visit.values)
    attributes = task.type_attributes
    iteration = attributes.iteration_index if attributes.HasField("iteration_index") else ""
    address = visit.to("runs", task.run_id, level=task.parent_task_id, iteration=iteration)
    return redirect(visit, f"{address}#t-{task.task_id}")
