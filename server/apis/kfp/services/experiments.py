"""ExperimentService. Experiments are in the namespace of the call's scope."""

from google.protobuf.empty_pb2 import Empty
from lineal.v2beta1 import experiment_pb2

from server.apis.kfp import codec
from server.apis.kfp.services.answers import empty
from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of, next_token, reading
from server.rules import checks
from server.rules.experiments import archive, delete_unless_default, new_experiment
from storage.contract import WriteTx
from storage.fields import EXPERIMENT_LIST
from storage.model import StorageState


async def create_experiment(call: Call, request: experiment_pb2.CreateExperimentRequest) -> experiment_pb2.Experiment:
    """Store a new experiment ; its name must not be in use."""
    checks.require(request.HasField("experiment"), "experiment is required")
    new = codec.new_experiment(request.experiment)
    experiment = new_experiment(new, experiment_id=call.new_id(), namespace=call.scope().namespace, now=call.now())

    async def answer(_: None) -> experiment_pb2.Experiment:
        return codec.experiment_message(experiment)

    return await call.write(lambda store: store.write(lambda tx: tx.experiments.create(experiment)), answer)


async def get_experiment(call: Call, request: experiment_pb2.GetExperimentRequest) -> experiment_pb2.Experiment:
    """Return one experiment."""
    experiment_id = checks.known_id("experiment", request.experiment_id)
    return codec.experiment_message(
        await call.store.read_by_key(lambda tx: tx.experiments.get(experiment_id), is_one=True)
    )


async def list_experiments(
    call: Call, request: experiment_pb2.ListExperimentsRequest
) -> experiment_pb2.ListExperimentsResponse:
    """Return a page of experiments; in single-user mode of every namespace."""
    list_request = ListRequest.of(request, "experiments", listable=EXPERIMENT_LIST)
    listing = listing_of(call, list_request)
    namespace = call.scope().namespace_filter
    page = await reading(call, listing)(lambda tx: tx.experiments.list(listing, namespace=namespace))
    response = experiment_pb2.ListExperimentsResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    for row in page.rows:
        codec.experiment_message(row, response.experiments.add())
    return response


async def delete_experiment(call: Call, request: experiment_pb2.DeleteExperimentRequest) -> Empty:
    """Delete an experiment that is not the default one; its runs stay."""
    return await call.write(
        lambda store: store.write(lambda tx: delete_unless_default(tx, request.experiment_id)), empty
    )


async def archive_experiment(call: Call, request: experiment_pb2.ArchiveExperimentRequest) -> Empty:
    """Archive an experiment and all its runs; again archives the runs added since, or left by a call that ended early."""
    checks.require(request.experiment_id, "experiment_id is required")
    experiment_id = checks.known_id("experiment", request.experiment_id)
    now = call.now()
    return await call.write(lambda store: archive(store, experiment_id, now=now), empty)


async def unarchive_experiment(call: Call, request: experiment_pb2.UnarchiveExperimentRequest) -> Empty:
    """Make an experiment available; its runs stay archived."""
    checks.require(request.experiment_id, "experiment_id is required")
    experiment_id = checks.known_id("experiment", request.experiment_id)

    async def write(tx: WriteTx) -> None:
        await tx.experiments.set_storage_state(experiment_id, StorageState.AVAILABLE.name)

    return await call.write(lambda store: store.write(write), empty)
