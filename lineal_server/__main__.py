"""`lineal-server`, also as `python -m lineal_server`: the only module that runs before Lineal's own packages can be found."""

import sys
from pathlib import Path

APP = Path(__file__).resolve().parent / "app"
"""Where an installed Lineal has its packages; `wheel_layout.py` puts them there. A checkout has no such folder."""


def main() -> None:
    """Run the command line."""
    # Before everything else: a folder `server` of the user's own may be on the path, even as its first part.
    if APP.is_dir():
        sys.path.insert(0, str(APP))
    from server.cli import main as command_line

    command_line(prog_name="lineal-server")


if __name__ == "__main__":
    main()
