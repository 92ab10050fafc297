"""Requirements of an experiment, and which experiment cannot be deleted."""

from typing import NamedTuple

from server.errors import Aborted
from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from storage.contract import ReadTx, WriteTx
from storage.errors import RowNotFound
from storage.ids import new_id
from storage.model import Experiment


class NewExperiment(NamedTuple):
    """What a client says of a new experiment; `requested_namespace` is checked, the call's scope decides."""

    display_name: str = ""
    description: str = ""
    requested_namespace: str = ""


def new_experiment(new: NewExperiment, *, namespace: str, now: int) -> Experiment:
    """Return the record of a new experiment. Raises InvalidArgument for a missing name and for texts that are too long."""
    checks.require(new.display_name, "experiment.display_name is required")
    checks.max_characters("experiment.display_name", new.display_name, MAX_CHARACTERS["Experiment.display_name"])
    checks.max_characters("experiment.namespace", new.requested_namespace, MAX_CHARACTERS["Experiment.namespace"])
    checks.max_bytes("experiment.description", new.description, checks.TEXT_BYTES)
    return Experiment(
        id=new_id(), name=new.display_name, description=new.description, created_at=now, namespace=namespace
    )


async def delete_unless_default(tx: WriteTx, experiment_id: str) -> None:
    """Delete an experiment; its runs stay. Raises Aborted for the default one, NotFound and RowNotFound for an unknown one."""
    if experiment_id == await _default_id(tx):
        raise Aborted("the default experiment cannot be deleted")
    await tx.experiments.delete(checks.known_id("experiment", experiment_id))


async def _default_id(tx: ReadTx) -> str | None:
    try:
        return await tx.experiments.default_id()
    except RowNotFound:
        return None
