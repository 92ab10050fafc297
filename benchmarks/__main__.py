"""The cost of calls: `python -m benchmarks [--base COMMIT] [sqlite] [postgresql] [mysql]`, on all databases by default.

With --base, the code of that commit is measured too, in turn with this checkout's, and the last column has the ratios. With
--without, this checkout is compared with itself where a package is not installed: `--without asyncmy mysql` compares the drivers.
"""

import argparse
from contextlib import ExitStack

from benchmarks import grpc_calls, rest_json
from benchmarks.sides import checked_out, this_side, this_side_without
from tests.databases import KINDS


def main() -> None:
    """Run the benchmarks and print the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: all")
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--without", default="", help="a package to compare the absence of")
    parser.add_argument("--rounds", type=int, default=7, help="number of measurements of each side; default: 7")
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of a measurement; default: 1")
    parser.add_argument("--only", default="", help="measure only calls whose name contains this")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    if not arguments.base and not arguments.without:
        rest_json.main()
    with ExitStack() as stack:
        sides = [stack.enter_context(checked_out(arguments.base))] if arguments.base else []
        sides.append(this_side())
        if arguments.without:
            sides.append(stack.enter_context(this_side_without(arguments.without)))
        for side in sides:
            side.check()
        for kind in arguments.kinds or KINDS:
            grpc_calls.measure(kind, sides, rounds=arguments.rounds, seconds=arguments.seconds, only=arguments.only)


if __name__ == "__main__":
    main()
