"""Compares Lineal's protos with the facts of the wire contract in wire/wire.json. Called by `make check`.

Prints the output of wire/check_wire.py and exits with its status: 1 if anything differs.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

from generate import PROTO_ROOT, write_descriptor_set

CHECK = pathlib.Path(__file__).with_name("wire") / "check_wire.py"
SERVICES = ("Artifact", "Run", "Experiment", "Pipeline", "Healthz", "Report", "RecurringRun")


def main() -> int:
    """Return 0 if the protos agree with the contract, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protos", nargs="?", type=pathlib.Path, default=PROTO_ROOT, help="default: api/proto")
    protos = parser.parse_args().protos
    with tempfile.TemporaryDirectory() as folder:
        compiled = pathlib.Path(folder) / "descriptors.binpb"
        write_descriptor_set(protos, compiled)
        return subprocess.run([sys.executable, CHECK, compiled, "--services", ",".join(SERVICES)]).returncode


if __name__ == "__main__":
    sys.exit(main())
