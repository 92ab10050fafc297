"""`python -m benchmarks [sqlite] [postgresql] [mysql]`: run every benchmark on the chosen databases, all by default."""

import asyncio
import sys

from benchmarks import grpc_calls, rest_json
from tests.databases import KINDS


def main() -> None:
    """Run and print."""
    rest_json.main()
    for kind in sys.argv[1:] or KINDS:
        asyncio.run(grpc_calls.measure(kind))


main()
