"""What a page far behind costs, compared with the first one: ListRuns and ListArtifacts on a store that is filled by SQL."""

from collections.abc import Iterable

import grpc
from lineal import methods
from lineal.v2beta1 import artifact_pb2, run_pb2

from benchmarks.bench import THIS, Options, Stores
from benchmarks.clients import Clients, Server
from benchmarks.costs import Costs, Row, print_row
from benchmarks.operations import Request, rpc
from benchmarks.scale_store import fill
from benchmarks.sides import serving, this_side

RUNS = 12_000
PAGE = 10
FAR = 1_000
CALLS_PER_ROUND = 100
_MESSAGES = {"ListRuns": run_pb2.ListRunsRequest, "ListArtifacts": artifact_pb2.ListArtifactRequest}


def measure_far_pages(stores: Stores, options: Options, *, far: int = FAR) -> dict[str, Row]:
    """Measure both pages in turn with this checkout's code, and return their rows and the ratio of their CPU times."""
    rows: dict[str, Row] = {}
    names = [name for name in _MESSAGES if options.chosen(name)]
    if not names:
        return rows
    store = stores.new_store()
    fill(store, far * PAGE * RUNS // (FAR * PAGE))
    with (
        serving(this_side(), store, stores.folder / "pages") as running,
        Clients({THIS: Server(running.grpc, running.rest, stores.stored)}) as clients,
    ):
        for name in names:
            requests = _page(name, ""), _page(name, _token(running.grpc, name, far))
            costs = Costs(), Costs()
            for number in range(options.rounds + 1):
                for one, request in zip(costs, requests, strict=True):
                    load = lambda request=request: clients.send(  # noqa: E731
                        THIS, [request] * CALLS_PER_ROUND, clients=max(options.clients)
                    )
                    (one if number else Costs()).measure(running, stores.database_cpu, load)  # the first one warms up
            rows[name] = {"first": costs[0].row(), "far": costs[1].row(), "page": far, "ratio": _ratio(*costs)}
            print_row(f"{name}, page 1", max(options.clients), {THIS: rows[name]["first"]})
            print_row(f"{name}, page {far:,}", max(options.clients), {THIS: rows[name]["far"]})
    return rows


def _ratio(first: Costs, far: Costs) -> float:
    return round(sum(far.total) / sum(first.total), 3)


def _page(name: str, token: str) -> Request:
    return rpc(name, _MESSAGES[name](page_size=PAGE, page_token=token))


def _token(address: str, name: str, page: int) -> str:
    """Return the token of a page by reading those before it."""
    token = ""
    with grpc.insecure_channel(address) as channel:
        for method in _only(name):
            call = channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
            for _ in range(page - 1):
                token = call(_MESSAGES[name](page_size=PAGE, page_token=token)).next_page_token
                if not token:
                    raise ValueError(f"{name} has fewer than {page} pages")
    return token


def _only(name: str) -> Iterable[methods.Method]:
    return (method for method in methods.METHODS if method.name.partition(".")[2] == name)
