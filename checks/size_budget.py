"""Finds Python files and functions longer than the budget. Called by `make check`.

Prints one line for each; exits with status 1 if there is one.
"""

import argparse
import ast
import pathlib
import sys
from collections.abc import Iterator

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
FILE_LINES = 400
FUNCTION_LINES = 60
GENERATED = "_pb2"
EXEMPT = {
    "checks/wire/check_wire.py": "the contract's own check, kept unchanged",
    "clients/python/lineal/_rpcs.py": "generated: one method per RPC",
    "clients/python/lineal/_aio_rpcs.py": "generated: one method per RPC",
}
"""Files that cannot be shortened here; with the reason."""

BUILD_PRODUCTS = ("build", "dist", "__pycache__")


def main() -> int:
    """Return 0 if every file and function is within the budget, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=CHECKOUT, help="default: this one")
    checkout = parser.parse_args().checkout.resolve()
    files = [path for path in _python_files(checkout) if path.relative_to(checkout).as_posix() not in EXEMPT]
    offenders = [line for file in files for line in _offenders(file, file.relative_to(checkout))]
    for line in offenders:
        print(line)
    print(f"{len(files)} files measured, {len(offenders)} over the budget")
    return 1 if offenders or not files else 0


def _python_files(checkout: pathlib.Path) -> Iterator[pathlib.Path]:
    for path in sorted(checkout.rglob("*.py")):
        parts = path.relative_to(checkout).parts
        if GENERATED not in path.name and not any(part.startswith(".") or part in BUILD_PRODUCTS for part in parts):
            yield path


def _offenders(file: pathlib.Path, name: pathlib.Path) -> Iterator[str]:
    text = file.read_text()
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield f"{name}: {lines} lines, the budget is {FILE_LINES}"
    for node in ast.walk(ast.parse(text, str(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, the budget is {FUNCTION_LINES}"


if __name__ == "__main__":
    sys.exit(main())
