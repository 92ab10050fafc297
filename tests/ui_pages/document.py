"""A page as a tree of elements, and what holds of every page. The tests of pages call this."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = frozenset({"meta", "link", "img", "input", "br", "hr", "wbr"})
OPEN_ENDED = ("svg",)
LINKS = ("href", "src", "action")


@dataclass
class Element:
    """An element: its name, attributes, and children in order."""

    name: str
    attributes: dict[str, str]
    children: "list[Element | str]" = field(default_factory=list)

    def all(self, *names: str) -> "Iterator[Element]":
        """The elements below with one of these names, in order; without names, every one."""
        for child in self.children:
            if isinstance(child, Element):
                if not names or child.name in names:
                    yield child
                yield from child.all(*names)

    def one(self, name: str) -> "Element":
        """The only element below with this name."""
        [found] = self.all(name)
        return found

    def with_class(self, word: str) -> "list[Element]":
        """The elements below that have a class."""
        return [each for each in self.all() if word in each.attributes.get("class", "").split()]

    def by_id(self, id: str) -> "Element":
        """The only element below with an id."""
        [found] = [each for each in self.all() if each.attributes.get("id") == id]
        return found

    @property
    def text(self) -> str:
        """All text below, white space collapsed."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()
                yield " "

    @property
    def hrefs(self) -> list[str]:
        """Where the links below lead."""
        return [each.attributes["href"] for each in self.all("a") if "href" in each.attributes]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"</{tag}> closes <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def whole(self) -> Element:
        self.close()
        assert len(self._open) == 1, f"<{self._open[-1].name}> is not closed"
        return self.root


def read(html: str) -> Element:
    """Parse a page; fails if elements are not closed in order, or have an attribute twice."""
    reader = _Reader()
    reader.feed(html)
    return reader.whole()


def check(page: Element) -> None:
    """Fail unless what holds of every page does: no inline code or style, safe links, ids, headings, labels, landmarks."""
    for element in page.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), (element.name, name)
            assert name != "style", element.name
            if name in LINKS and ":" in value.partition("?")[0].partition("/")[0]:
                assert value.lower().startswith(("http://", "https://")), value
    for script in page.all("script"):
        assert "src" in script.attributes
        assert not script.text
    assert not list(page.all("style", "iframe", "object", "embed", "base"))
    ids = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
    assert len(ids) == len(set(ids)), ids
    _check_headings(page)
    _check_labels(page, ids)
    for name in ("title", "main", "header", "footer"):
        assert page.one(name).name == name
    for table in page.all("table"):
        assert all(cell.attributes.get("scope") for cell in table.all("th"))
        assert list(table.all("th"))


def _check_headings(page: Element) -> None:
    levels = [int(each.name[1]) for each in page.one("main").all("h1", "h2", "h3", "h4")]
    assert levels[:1] == [1], levels
    assert levels.count(1) == 1, levels
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


def _check_labels(page: Element, ids: list[str]) -> None:
    labelled = {each.attributes["for"] for each in page.all("label") if "for" in each.attributes}
    assert labelled <= set(ids)
    for each in page.all("input", "select"):
        if each.attributes.get("type") != "hidden":
            assert "aria-label" in each.attributes or each.attributes.get("id") in labelled, each.attributes
    for each in page.all("button"):
        assert each.text or each.attributes.get("aria-label"), each.attributes
    for each in page.all():
        assert set(each.attributes.get("aria-labelledby", "").split()) <= set(ids), each.attributes
