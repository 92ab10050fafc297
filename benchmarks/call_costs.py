"""The cost of each operation, alone or compared with another commit: CPU time of server and database per call, statements, latency.

Operations that a side does not implement are left out on it.
"""

from benchmarks.bench import BASE, THIS, Bench, Options, Stores, serving_all
from benchmarks.clients import Clients
from benchmarks.costs import Costs, Row, compared, print_row
from benchmarks.doors import Refused
from benchmarks.operations import LIST_RUNS, operation_names, reading
from benchmarks.statements import RECORDED, recording

CROWD = 256
CROWDED = ("GetTask", "FindCachedTask, miss", "UpdateTask", "CreateTask", "CreateArtifact")
"""Calls that are also measured with CROWD clients."""

CLIENTS_MAX = {LIST_RUNS[1]: 8}
"""A call that takes so long that more would only wait."""

WARM_UP_SECONDS = 0.3
WARM_UP_CLIENTS = 4
_MISSING = ("UNIMPLEMENTED", "404")

Rows = dict[str, dict[str, Row]]
"""By operation, then by the number of clients."""


def measure_calls(stores: Stores, options: Options, *, workers: int, crowd: bool) -> Rows:
    """Measure the chosen operations and return their rows; reads come first, since what writes add makes lists longer."""
    names = operation_names(options.only)
    read_names = reading(names)
    statements = {} if workers > 1 else _statements(stores, names)
    rows: Rows = {name: {} for name in names}
    with serving_all(stores, workers=workers) as bench:
        sides = {name: [side for side in bench.running if implements(bench.clients, side, name)] for name in names}
        for group in (read_names, [name for name in names if name not in read_names]):
            chosen = [(name, clients) for clients in options.clients for name in group]
            chosen += [(name, CROWD) for name in group if crowd and name in CROWDED]
            for name, clients in chosen:
                if sides[name]:
                    count = min(clients, CLIENTS_MAX.get(name, clients))
                    try:
                        row = _measure(bench, options, name, count, sides[name])
                    except Refused as refused:  # a slow machine may be too slow for as many clients
                        print(f"{name}, {count} clients: {refused}", flush=True)
                        continue
                    for side in sides[name]:
                        row[_key(side)] |= statements.get(side, {}).get(name, {})
                    rows[name][str(clients)] = row
                    print_row(name, count, row)
    return {name: by_clients for name, by_clients in rows.items() if by_clients}


def _key(side: str) -> str:
    return THIS if side == THIS else BASE


def _measure(bench: Bench, options: Options, name: str, clients: int, sides: list[str]) -> Row:
    costs = {side: Costs() for side in sides}
    for side in sides:
        bench.clients.call(side, name, clients=min(clients, WARM_UP_CLIENTS), seconds=WARM_UP_SECONDS)
    for _ in range(options.rounds):
        for side in sides:
            costs[side].measure(
                bench.running[side],
                bench.database_cpu,
                lambda side=side: bench.clients.call(  # type: ignore[misc]
                    side, name, clients=clients, seconds=options.seconds
                ),
            )
    return compared(costs)


def implements(clients: Clients, side: str, name: str) -> bool:
    """Return whether a side implements an operation, which is called once."""
    try:
        clients.call(side, name, clients=1, seconds=0)
    except Refused as refused:
        if refused.code in _MISSING:
            return False
        raise
    return True


def _statements(stores: Stores, names: list[str]) -> dict[str, dict[str, Row]]:
    """Return by side and operation how many statements a call executes."""
    counts: dict[str, dict[str, Row]] = {}
    for side, url in stores.urls.items():
        with recording(side, url, stores.stored, stores.folder) as recorder:
            implemented = [name for name in names if implements(recorder.clients, RECORDED, name)]
            counts[side.name] = {name: {"statements": recorder.count(name)} for name in implemented}
    return counts
