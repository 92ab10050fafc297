"""The cost of reading what the server has not read before: each request is sent once to a server that was just started.

What the database keeps in memory stays there; what the server may have kept of earlier answers is gone.
"""

from benchmarks.bench import Options, Stores
from benchmarks.clients import Clients, Server
from benchmarks.costs import Costs, Row, compared, print_row
from benchmarks.operations import fresh_requests
from benchmarks.sides import Side, serving

WARM_UP_CLIENTS = 4


def measure_first_sight(stores: Stores, options: Options) -> dict[str, Row]:
    """Measure the chosen operations and return their rows."""
    names = [name for name in fresh_requests(stores.stored) if options.chosen(name)]
    costs: dict[str, dict[str, Costs]] = {name: {side.name: Costs() for side in stores.urls} for name in names}
    for _ in range(options.rounds if names else 0):
        for side in stores.urls:
            _round(stores, side, max(options.clients), {name: costs[name][side.name] for name in names})
    rows = {name: compared(by_side) for name, by_side in costs.items()}
    for name, row in rows.items():
        print_row(f"{name}, first sight", max(options.clients), row)
    return rows


def _round(stores: Stores, side: Side, clients_count: int, costs: dict[str, Costs]) -> None:
    requests = fresh_requests(stores.stored)
    with (
        serving(side, stores.urls[side], stores.folder / f"{side.name}.fresh") as running,
        Clients({side.name: Server(running.grpc, running.rest, stores.stored)}) as clients,
    ):
        for name in costs:  # on other rows, so that the code is warm
            clients.call(side.name, name, clients=WARM_UP_CLIENTS, seconds=0)
        for name, one in costs.items():
            one.measure(
                running,
                stores.database_cpu,
                lambda name=name: clients.send(side.name, requests[name], clients=clients_count),  # type: ignore[misc]
            )
