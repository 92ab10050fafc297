"""What calls cost: `python -m benchmarks [--base COMMIT] [sqlite] [postgresql] [mysql]`, all databases by default.

With --base the same is measured with that commit's code, in turn with this checkout's, and the ratios stand in the last
column.
"""

import argparse
from contextlib import ExitStack

from benchmarks import grpc_calls, rest_json
from benchmarks.sides import checked_out, this_side
from tests.databases import KINDS


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"databases, of {', '.join(KINDS)}; default: all")
    parser.add_argument("--base", default="", help="a commit to compare with")
    parser.add_argument("--rounds", type=int, default=7, help="how often each side is measured; default: 7")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a round takes; default: 1")
    parser.add_argument("--only", default="", help="only calls whose name contains this")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    if not arguments.base:
        rest_json.main()
    with ExitStack() as stack:
        sides = [stack.enter_context(checked_out(arguments.base))] if arguments.base else []
        sides.append(this_side())
        for side in sides:
            side.check()
        for kind in arguments.kinds or KINDS:
            grpc_calls.measure(kind, sides, rounds=arguments.rounds, seconds=arguments.seconds, only=arguments.only)


if __name__ == "__main__":
    main()
