"""Compares vendored files with the checksums recorded next to them. Called by `make check`.

Prints one line per file that differs, is missing, or is not recorded; exits with status 1 if there is one.
"""

import argparse
import hashlib
import pathlib
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = pathlib.PurePath("server", "static", "vendor")
SUMS = "SHA256SUMS"
OURS = {SUMS, "README.md"}
"""Files in the folder that describe the others."""


def main() -> int:
    """Return 0 if every file is as recorded, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=CHECKOUT, help="default: this one")
    folder = parser.parse_args().checkout / FOLDER
    lines = (folder / SUMS).read_text().splitlines() if (folder / SUMS).is_file() else []
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    digests = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    digests = {name: digest for name, digest in digests.items() if name not in OURS}
    wrong = [f"{name}: {_reason(expected.get(name), digests.get(name))}" for name in sorted(expected | digests)]
    wrong = [line for line in wrong if not line.endswith(": ")]
    for line in wrong:
        print(line)
    print(f"{len(digests)} files compared, {len(wrong)} differences")
    return 1 if wrong or not digests else 0


def _reason(expected: str | None, digest: str | None) -> str:
    if expected is None:
        return f"is not recorded in {SUMS}"
    if digest is None:
        return "is missing"
    return "" if expected == digest else "differs from its sum"


if __name__ == "__main__":
    sys.exit(main())
