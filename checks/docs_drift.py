"""Compares the generated blocks of the documentation with the code. Called by `make check`; --write updates them.

A block is between `<!-- generated: name -->` and `<!-- end of generated -->`; docs_blocks.py makes its text. Prints one line
per differing block; exits with status 1 if there is one.
"""

import argparse
import pathlib
import re
import sys

from docs_blocks import BLOCKS

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->\n(?P<text>.*?)<!-- end of generated -->\n", re.DOTALL)


def main() -> int:
    """Return 0 if every block occurs once and agrees with the code, or was updated, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("docs", nargs="?", type=pathlib.Path, default=CHECKOUT / "docs", help="default: docs")
    parser.add_argument("--write", action="store_true", help="update the blocks from the code")
    arguments = parser.parse_args()
    names: list[str] = []
    differences: list[str] = []
    for page in sorted(arguments.docs.rglob("*.md")):
        text = page.read_text()
        names += [match["name"] for match in BLOCK.finditer(text)]
        differences += [
            f"{page.name}: {match['name']} differs" for match in BLOCK.finditer(text) if _fresh(match) != match[0]
        ]
        if arguments.write and BLOCK.sub(_fresh, text) != text:
            page.write_text(BLOCK.sub(_fresh, text))
    differences = [] if arguments.write else differences
    differences += [f"{name}: occurs {names.count(name)} times" for name in BLOCKS if names.count(name) != 1]
    for line in differences:
        print(line)
    print(f"{len(names)} blocks compared, {len(differences)} differences")
    return 1 if differences else 0


def _fresh(match: re.Match[str]) -> str:
    if match["name"] not in BLOCKS:
        raise SystemExit(f"there is no generated block named {match['name']}")
    return f"<!-- generated: {match['name']} -->\n{BLOCKS[match['name']]()}<!-- end of generated -->\n"


if __name__ == "__main__":
    sys.exit(main())
