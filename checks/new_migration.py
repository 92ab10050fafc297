"""Creates the file of the next migration: `make migration NAME="what it does"`.

Its number follows the newest one; `upgrade` is empty, to be filled in.
"""

import argparse
import pathlib
import re
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
_NUMBERED = re.compile(r"(\d{4})_\w+\.py")
_TEMPLATE = '''"""{sentence}."""

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None
readable_since = "{before}"  # the oldest revision whose programs can use the schema after this step


def upgrade() -> None:
    """Describe the change here; steps must be repeatable, since MySQL commits each one separately."""


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")
'''


def main() -> int:
    """Write the file and print its path; returns 2 when the name is empty."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="what the migration does, in a few words")
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=CHECKOUT / "migrations" / "versions")
    arguments = parser.parse_args()
    words = re.findall(r"[a-z0-9]+", arguments.name.lower())
    if not words:
        print('say what the migration does: make migration NAME="runs by pipeline"', file=sys.stderr)
        return 2
    numbers = sorted(match[1] for file in arguments.folder.iterdir() if (match := _NUMBERED.fullmatch(file.name)))
    number = f"{int(numbers[-1]) + 1:04d}"
    file = arguments.folder / f"{number}_{'_'.join(words)}.py"
    sentence = " ".join(words).capitalize()
    file.write_text(_TEMPLATE.format(sentence=sentence, number=number, before=numbers[-1]))
    print(f"{file}: add its steps, and make the same changes in storage/sql/tables.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
