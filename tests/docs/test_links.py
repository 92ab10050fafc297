"""What the pages point to is there."""

import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.docs.pages import CHECKOUT, DOCS, PAGES, anchors, inline_code, links, name_of
from tests.faults.cluster import serving

DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
HEADINGS = ["Context", "Decision", "Consequences"]
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(CHECKOUT), link
        assert not anchor or anchor in anchors(target), link


def test_every_path_on_the_map_is_there() -> None:
    paths = [code for code in inline_code(DOCS / "map.md") if "/" in code or code.endswith((".py", ".yaml"))]
    assert len(paths) > 40
    assert [path for path in paths if not (CHECKOUT / path.split()[0]).exists()] == []


def test_every_module_of_rules_is_on_the_map() -> None:
    text = (DOCS / "map.md").read_text()
    folders = ("server/apis/kfp/services", "server/apis/kfp_v1beta1", "server/rules", "storage", "storage/documents")
    modules = [module for folder in folders for module in (CHECKOUT / folder).glob("*.py")]
    names = [path.relative_to(CHECKOUT).as_posix() for path in modules if path.name != "__init__.py"]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached = {CHECKOUT / "README.md"}
    while True:
        found = {(page.parent / link.partition("#")[0]).resolve() for page in reached for link in links(page)}
        further = {page for page in found if page.suffix == ".md" and page.exists()} - reached
        if not further:
            break
        reached |= further
    assert [name_of(page) for page in PAGES if page not in reached] == []


def test_files_that_the_readme_runs_are_there() -> None:
    text = (CHECKOUT / "README.md").read_text()
    scripts = re.findall(r"\b(?:examples|checks)/[\w/]+\.py", text)
    assert scripts
    assert [script for script in scripts if not (CHECKOUT / script).exists()] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_one_short_page_of_three_parts(page: Path) -> None:
    lines = page.read_text().splitlines()
    assert lines[0].startswith(f"# {page.name[:4]} ")
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= 40


def test_decisions_are_numbered_and_listed() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for page in DECISIONS:
        title = page.read_text().splitlines()[0][7:]
        assert f"| {page.name[:4]} | [{title}]({page.name}) |" in index


def test_the_changelog_keeps_its_headings() -> None:
    lines = (CHECKOUT / "CHANGELOG.md").read_text().splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    assert {line[4:] for line in lines if line.startswith("### ")} <= CHANGES


def test_every_http_path_that_is_shown_is_served(tmp_path: Path) -> None:
    text = "".join((DOCS / name).read_text() for name in ("api.md", "operations.md"))
    written = re.sub(r"<!-- generated.*?end of generated -->", "", text, flags=re.DOTALL)
    shown = sorted(set(re.findall(r"/(?:apis/v\w+/[\w/{}]+|healthz\b|readyz\b)", written)))
    assert len(shown) > 8
    with serving(f"sqlite:///{tmp_path}/lineal.sqlite") as server:
        unknown = [
            path for path in shown if "UNKNOWN_PATH" in answer(f"http://{server.rest}{path.replace('{id}', '1')}")
        ]
    assert unknown == []


def answer(url: str) -> str:
    try:
        with urlopen(url, timeout=20) as response:
            return str(response.read())
    except HTTPError as error:
        return str(error.read())
