"""Compares the checked-in stubs with those of the current protos. Called by `make check`; `make proto` updates them.

Prints one line per differing file; exits with status 1 if there is one.
"""

import argparse
import pathlib
import sys
import tempfile

from generate import PROTO_ROOT, STUB_ROOT, stubs_below, write_stubs


def main() -> int:
    """Return 0 if every stub is up to date, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stubs", nargs="?", type=pathlib.Path, default=STUB_ROOT, help="default: the checked-in stubs")
    checked_in = stubs_below(parser.parse_args().stubs)
    with tempfile.TemporaryDirectory() as folder:
        write_stubs(PROTO_ROOT, pathlib.Path(folder))
        fresh = stubs_below(pathlib.Path(folder))
        differences = [
            f"{name}: {reason}"
            for name in sorted(checked_in | fresh)
            if (reason := _reason(checked_in.get(name), fresh.get(name)))
        ]
    for line in differences:
        print(line)
    print(f"{len(fresh)} stubs compared, {len(differences)} differences")
    return 1 if differences or not fresh else 0


def _reason(checked_in: pathlib.Path | None, fresh: pathlib.Path | None) -> str | None:
    if checked_in is None:
        return "missing"
    if fresh is None:
        return "has no proto"
    return None if checked_in.read_bytes() == fresh.read_bytes() else "differs from its proto"


if __name__ == "__main__":
    sys.exit(main())
