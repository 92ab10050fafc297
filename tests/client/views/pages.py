"""Reads the HTML of notebooks as a browser does, and says what it may do and what it shows."""

from collections import Counter
from html.parser import HTMLParser

INERT = {
    *("a", "b", "br", "code", "details", "div", "pre", "span", "summary"),
    *("table", "tbody", "td", "th", "thead", "time", "tr"),
}
"""Elements that neither run nor load anything."""

ATTRIBUTES = {"aria-hidden", "class", "datetime", "href", "open", "rel", "scope", "style", "target", "title"}


class Page(HTMLParser):
    """What a browser makes of a text: elements, links, words, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.styles: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements[tag] += 1
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "href":
                self.links.append(value or "")
            if name == "style":
                self.styles.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which has to be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that is shown."""
        return "".join(self.words)

    def check_inert(self) -> None:
        """Fail if anything could run, or be loaded, when the page is shown or a link is followed."""
        assert not self.open
        assert set(self.elements) <= INERT
        assert self.attributes <= ATTRIBUTES
        assert all(each.lower().startswith(("http://", "https://")) for each in self.links)
        assert not any("url(" in each or "@import" in each or "expression" in each for each in self.styles)
