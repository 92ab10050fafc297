"""RecurringRunService: nothing is scheduled here, so lists are empty and no id is found."""

from lineal.v2beta1 import recurring_run_pb2

from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of
from server.errors import Unimplemented
from server.rules import checks
from storage.fields import RECURRING_RUN_LIST


async def list_recurring_runs(
    call: Call, request: recurring_run_pb2.ListRecurringRunsRequest
) -> recurring_run_pb2.ListRecurringRunsResponse:
    """Return the empty list, after the checks that every list makes."""
    if request.experiment_id:
        experiment_id = checks.known_id("experiment", request.experiment_id)
        await call.store.read_one(lambda tx: tx.experiments.get(experiment_id))
    listing_of(
        call,
        ListRequest.of(request, "recurring_runs", listable=RECURRING_RUN_LIST, scope=[request.experiment_id]),
    )
    return recurring_run_pb2.ListRecurringRunsResponse()


async def create_recurring_run(
    call: Call, request: recurring_run_pb2.CreateRecurringRunRequest
) -> recurring_run_pb2.RecurringRun:
    """Refuse: nothing here starts runs by the clock."""
    raise Unimplemented("Lineal records runs and does not schedule them; create recurring runs in your orchestrator")


async def find_recurring_run(
    call: Call, request: recurring_run_pb2.GetRecurringRunRequest
) -> recurring_run_pb2.RecurringRun:
    """Answer every request for one recurring run: it is not there."""
    raise checks.not_found("recurring run", request.recurring_run_id)
