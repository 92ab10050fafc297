"""HealthzService: called by clients before anything else."""

from google.protobuf.empty_pb2 import Empty
from lineal.v2beta1 import healthz_pb2

from server.calls.call import Call


async def get_healthz(call: Call, request: Empty) -> healthz_pb2.GetHealthzResponse:
    """Say that the server runs, for one user, on a database; whether the database answers is readiness, not this."""
    return healthz_pb2.GetHealthzResponse(
        multi_user=False, pipeline_store="database", idempotency_keys=True, ids_from_keys=True
    )
