"""The pages of the documentation, cut into what can be checked: links, code in backticks, fenced blocks. Tests call this."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
PAGES = sorted(
    [
        CHECKOUT / "README.md",
        CHECKOUT / "CHANGELOG.md",
        CHECKOUT / "clients" / "python" / "README.md",
        *DOCS.rglob("*.md"),
    ]
)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    """The page's path within the checkout, as the tests' ids show it."""
    return page.relative_to(CHECKOUT).as_posix()


def fenced(page: Path, language: str = "") -> list[str]:
    """The texts of the page's fenced blocks of one language; those without one are commands."""
    return [text for kind, text in FENCE.findall(page.read_text()) if kind == language]


def inline_code(page: Path) -> list[str]:
    """What stands between backticks, outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text()))


def links(page: Path) -> list[str]:
    """The targets of the page's links."""
    return re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """What links can point to within the page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> list[tuple[str, str]]:
    """Every command line of every page, comments cut off: (page, command)."""
    found = []
    for page in PAGES:
        lines = [line.split("  #")[0].strip() for text in fenced(page) for line in text.splitlines()]
        found += [(name_of(page), line) for line in [*lines, *inline_code(page)] if line]
    return found
