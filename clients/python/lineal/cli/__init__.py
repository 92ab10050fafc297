"""`lineal` on the command line. The entry point is here; everything else is imported when it runs.

Needs the extra `cli`. Nothing else of the package imports this.
"""

import importlib.util
import sys

_NEEDED = ("click", "rich", "yaml")


def main() -> None:
    """Run the command line of this process, and end it."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        sys.stderr.write("lineal: the command line is not installed; install it with: pip install 'lineal[cli]'\n")
        sys.exit(1)
    from lineal.cli.program import run

    sys.exit(run())
