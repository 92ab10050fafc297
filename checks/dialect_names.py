"""Finds names of databases and drivers in the code outside storage/sql/dialects. Called by `make check`.

The differences between databases belong in the dialects' files only. Checks names and strings, but not comments and
docstrings. Prints one line per occurrence; exits with status 1 if there is one.
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
# Also within longer names: `SqliteStore`, `is_mysql`.
FORBIDDEN = re.compile(r"sqlite|postgres|mysql|mariadb|asyncpg|asyncmy", re.IGNORECASE)

ALLOWED_STRINGS = {
    "server/config.py": "the store's default URL, and the help about other URLs",
    "server/demo_command.py": "the demo's store is a file, and its default URL names one",
    "server/demo/mlmd_store.py": "the MLMD store that the demo imports is a file",
    "server/import_command.py": "the help about URLs",
    "server/passwords.py": "an example of a URL, and which URLs name files",
}
"""Files whose strings, but not names, may contain names of databases; with the reason."""

# Python 3.12 and newer have separate tokens for f-strings.
TEXT_TOKENS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def main() -> int:
    """Return 0 if no database is named where it should not be, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=CHECKOUT, help="default: this one")
    checkout = parser.parse_args().checkout.resolve()
    files = [path for package in PACKAGES for path in sorted((checkout / package).rglob("*.py"))]
    names = {file: file.relative_to(checkout) for file in files}
    finds = [line for file, name in names.items() if DIALECTS not in name.parents for line in _finds(file, name)]
    for line in finds:
        print(line)
    print(f"{len(files)} files searched, {len(finds)} names found")
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
    # Any string that is a statement is one, including those after constants and fields.
    alone = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return {(text.lineno, text.col_offset) for text in alone if isinstance(text, ast.Constant)}


if __name__ == "__main__":
    sys.exit(main())
