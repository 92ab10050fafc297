"""Finds names of databases and drivers in the code outside storage/sql/dialects. Called by `make check`.

What differs between databases lives in their dialect's file; code elsewhere that names a database has begun a second
place. Looks at names and strings, not at comments and docstrings, which may explain. Prints one line per find; exits 1
when there is one.
"""

import argparse
import ast
import io
import pathlib
import re
import sys
import tokenize
from collections.abc import Iterator

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("server", "storage")
DIALECTS = pathlib.PurePath("storage", "sql", "dialects")
# Within longer names too: `SqliteStore`, `is_mysql`.
FORBIDDEN = re.compile(r"sqlite|postgres|mysql|mariadb|asyncpg|asyncmy", re.IGNORECASE)

ALLOWED_STRINGS = {
    "server/config.py": "the store's default URL, and what operators are told of the choice",
    "server/import_command.py": "what operators are told of URLs",
}
"""Files whose strings, not names, may name databases; with the reason."""

# Python 3.12 and newer split f-strings into tokens of their own.
TEXT_TOKENS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def main() -> int:
    """Return 0 when no database is named where it should not be, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=CHECKOUT, help="default: this one")
    checkout = parser.parse_args().checkout.resolve()
    files = [path for package in PACKAGES for path in sorted((checkout / package).rglob("*.py"))]
    names = {file: file.relative_to(checkout) for file in files}
    finds = [line for file, name in names.items() if DIALECTS not in name.parents for line in _finds(file, name)]
    for line in finds:
        print(line)
    print(f"{len(files)} files searched, {len(finds)} finds")
    return 1 if finds or not files else 0


def _finds(file: pathlib.Path, name: pathlib.PurePath) -> Iterator[str]:
    text = file.read_text()
    docstrings = _docstring_starts(ast.parse(text, str(name)))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_text = token.type in TEXT_TOKENS and token.start not in docstrings
        if is_text and name.as_posix() in ALLOWED_STRINGS:
            continue
        if (is_text or token.type == tokenize.NAME) and (match := FORBIDDEN.search(token.string)):
            yield f"{name}:{token.start[0]}: {match[0]!r} belongs in {DIALECTS}"


def _docstring_starts(tree: ast.Module) -> set[tuple[int, int]]:
    # Any string that stands alone is one: those under a constant or a field are written the same way.
    alone = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return {(text.lineno, text.col_offset) for text in alone if isinstance(text, ast.Constant)}


if __name__ == "__main__":
    sys.exit(main())
