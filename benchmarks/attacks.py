"""What others have of a server that is attacked: `python -m benchmarks.attacks [--base COMMIT] [--only NAME …] [--write]`.

Each attack of tests/faults/attacks is made on a server of each side, on SQLite: how long the uninvolved client waits beside it,
and how much memory the server takes. --write keeps the figures in attacks.json, from which docs/promises.md has its table.
"""

import argparse
import asyncio
import inspect
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sides import Side, checked_out, serving, this_side
from tests.faults.attacks.attackers import ATTACKS
from tests.faults.attacks.target import Size, Target, prepare
from tests.faults.attacks.under_attack import Outcome, under_attack

FIGURES = Path(__file__).with_name("attacks.json")
SIZE = Size(5_000, 20, artifact_mebibytes=14, message_mebibytes=60, body_numbers=1_900_000, spec_tasks=10_000)

Figures = dict[str, float]


@contextmanager
def _prepared(side: Side, folder: Path) -> Iterator[tuple[Path, Target]]:
    """Fill a store with a side's code; the target has no addresses yet that lead anywhere."""
    store = folder / f"{side.name}.sqlite"
    with serving(side, f"sqlite:///{store}", folder / f"{side.name}.log") as server:
        target = asyncio.run(prepare(server.grpc, server.rest, SIZE))
    yield store, target


def _attack(side: Side, store: Path, target: Target, name: str, seconds: float) -> Figures:
    """Attack a server of its own on a copy of the store."""
    with tempfile.TemporaryDirectory(prefix="lineal-attack-", dir=store.parent) as folder:
        copy = Path(folder) / store.name
        shutil.copy(store, copy)
        with serving(side, f"sqlite:///{copy}", Path(folder) / "log") as server:
            there = target.at(server.grpc, server.rest)
            return _figures(asyncio.run(under_attack(server.process_id, there, name, seconds)))


def _figures(outcome: Outcome) -> Figures:
    account, memory = outcome.account, outcome.memory
    return {
        "p99_ms": round(account.p99 * 1000),
        "worst_ms": round(account.worst * 1000),
        "failures": len(account.failures),
        "peak_mib": round(memory.peak),
        "after_mib": round(memory.after),
    }


def _print(side: str, name: str, figures: Figures) -> None:
    values = "".join(f"{value:>10}" for value in figures.values())
    print(f"{side:<10}{name:<26}{values}", flush=True)


def main() -> None:
    """Attack each side and print the table; with --write, keep it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.attacks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--only", nargs="*", default=list(ATTACKS), choices=list(ATTACKS), metavar="NAME")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each attack; default: 10")
    parser.add_argument("--write", action="store_true", help="keep the figures for the documentation")
    arguments = parser.parse_args()
    print(f"{'side':<10}{'attack':<26}{'p99 ms':>10}{'worst ms':>10}{'failed':>10}{'peak MiB':>10}{'after':>10}")
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    with tempfile.TemporaryDirectory(prefix="lineal-bench-") as folder, ExitStack() as stack:
        sides = [stack.enter_context(checked_out(arguments.base))] if arguments.base else []
        prepared = {}
        for side in [*sides, this_side()]:
            prepared[side] = stack.enter_context(_prepared(side, Path(folder)))
        for name in arguments.only:
            row = kept.setdefault(name, {})
            row["what"] = inspect.getdoc(ATTACKS[name])
            row["day"] = datetime.now(UTC).date().isoformat()
            for side, (store, target) in prepared.items():
                try:
                    figures = _attack(side, store, target, name, arguments.seconds)
                except AssertionError as error:
                    if side.name == "this":
                        raise
                    print(f"{side.name:<10}{name:<26}  {error}", flush=True)  # it may answer an attack otherwise
                    continue
                _print(side.name, name, figures)
                row["this" if side.name == "this" else "base"] = figures
            if arguments.write:
                ordered = {name: kept[name] for name in ATTACKS if name in kept}
                FIGURES.write_text(json.dumps(ordered, indent=1) + "\n")


if __name__ == "__main__":
    main()
