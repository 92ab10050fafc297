"""The cost of calls: `python -m benchmarks [--base COMMIT] [sqlite] [postgresql] [mysql]`, on all databases by default.

With --base, the code of that commit is measured too, in turn with this checkout's, and the last column has the ratios. With
--without, this checkout is compared with itself where a package is not installed: `--without asyncmy mysql` compares the drivers.

Parts: `start`, CPU until a server is ready and while it is idle, and its memory; `calls`, every operation with 1, 32 and (some) 256
clients; `first-sight`, reads of what the server has not read before; `pages`, page 1,000 compared with page 1; `limit`, the statements
of single-row calls through the bare driver; `mlmd`, tasks per second beside ML Metadata; `json`, a page of tasks as JSON. With --only,
the calls alone, with 32 clients, unless chosen otherwise.
"""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import rest_json, results
from benchmarks.bench import Options, Stores, stores
from benchmarks.call_costs import measure_calls
from benchmarks.costs import HEAD
from benchmarks.far_pages import measure_far_pages
from benchmarks.first_sight import measure_first_sight
from benchmarks.limit import measure_limit
from benchmarks.mlmd_rate import KINDS as MLMD_KINDS
from benchmarks.mlmd_rate import MlmdMissing, measure_mlmd
from benchmarks.operations import size_for
from benchmarks.sides import checked_out, this_side, this_side_without
from benchmarks.start import measure_start
from tests.databases import KINDS

PARTS = ("start", "calls", "first-sight", "pages", "limit", "mlmd", "json")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks and print the results."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    parts = chosen.parts or (["calls"] if chosen.only else list(PARTS))
    clients = tuple(chosen.clients or ([32] if chosen.only else [1, 32]))
    options = Options(rounds=chosen.rounds, seconds=chosen.seconds, clients=clients, only=chosen.only)
    size = size_for(chosen.only, has_first_sight="first-sight" in parts, has_rates="mlmd" in parts)
    if "json" in parts and not chosen.base and not chosen.without:
        rest_json.main()
    with ExitStack() as stack:
        sides = [stack.enter_context(checked_out(chosen.base))] if chosen.base else []
        base = sides[0].name if sides else ""
        if chosen.without:
            sides.append(stack.enter_context(this_side_without(chosen.without)))
        sides.append(this_side())
        for side in sides:
            side.check()
        for kind in chosen.kinds or KINDS:
            workers = [
                one for one in chosen.workers or _default_workers(kind, chosen.only) if one == 1 or kind != "sqlite"
            ]
            with tempfile.TemporaryDirectory(prefix="lineal-bench-") as folder, ExitStack() as one:
                filled = one.enter_context(stores(kind, sides, size, Path(folder)))
                print(f"\n{kind}: CPU in µs per call, sizes in bytes\n{HEAD}", flush=True)
                _measure(filled, options, parts, workers, base=base, is_kept=chosen.write)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: all")
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--without", default="", help="a package to compare the absence of")
    parser.add_argument("--rounds", type=int, default=3, help="number of measurements of each side; default: 3")
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of a measurement; default: 2")
    parser.add_argument("--only", default="", help="measure only calls whose name contains this")
    parser.add_argument("--parts", type=_parts, help=f"comma-separated; default: {','.join(PARTS)}")
    parser.add_argument("--clients", type=_numbers, help="numbers of concurrent calls, comma-separated; default: 1,32")
    parser.add_argument(
        "--workers", type=_numbers, help="numbers of server processes, comma-separated; default: 1, on PostgreSQL 1,2"
    )
    parser.add_argument(
        "--write", action="store_true", help="keep the results in benchmarks/results, for docs/performance.md"
    )
    return parser


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"unknown part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return parts


def _numbers(text: str) -> list[int]:
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return numbers


def _default_workers(kind: str, only: str) -> list[int]:
    return [1, 2] if kind == "postgresql" and not only else [1]


def _measure(
    filled: Stores, options: Options, parts: Sequence[str], workers: Sequence[int], *, base: str, is_kept: bool
) -> None:
    """Measure the parts, and keep each as soon as it is measured."""

    def keep(part: str, rows: dict[str, Any], *, kind: str = filled.kind, workers: int = 1) -> None:
        if is_kept and rows:
            results.keep(kind, {part: rows}, base=base, workers=workers)

    if "start" in parts:
        keep(filled.kind, measure_start(filled, options), kind="start")
    if "first-sight" in parts:  # before anything is written
        keep("first_sight", measure_first_sight(filled, options))
    if "calls" in parts:
        for count in workers:
            crowd = count == 1 and not options.only
            keep("calls", measure_calls(filled, options, workers=count, crowd=crowd), workers=count)
    if "pages" in parts:
        keep("pages", measure_far_pages(filled, options))
    if "limit" in parts:
        keep("limit", measure_limit(filled, options))
    if "mlmd" in parts and filled.kind in MLMD_KINDS:
        try:
            keep("rates", {filled.kind: measure_mlmd(filled, options)}, kind="mlmd")
        except MlmdMissing as missing:
            print(missing)


if __name__ == "__main__":
    main()
