"""Somebody who opens pages as a browser would, over HTTP. The tests of pages call this."""

from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from tests.api.client import Api
from tests.rest.client import Answer, ask
from tests.ui_pages.document import Element, check, read

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Opens pages of a server; records with `api`."""

    rest: str
    api: Api

    async def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page as a browser does."""
        return await ask(self.rest, "GET", path, **{"Accept": ACCEPT, "host": self.rest, **headers})

    async def page(self, path: str, *, status: int = 200) -> Element:
        """Return a page that has this status, and that is as every page must be."""
        answer = await self.get(path)
        assert answer.status == status, (path, answer.body[-1500:])
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        document = read(answer.body.decode())
        check(document)
        return document

    async def main(self, path: str, *, status: int = 200) -> Element:
        """Return the content of a page, without its head and foot."""
        return (await self.page(path, status=status)).one("main")

    async def post(self, path: str, *fields: tuple[str, str], **headers: str) -> Answer:
        """Send a form as a browser does from a page of the same server."""
        chosen = {
            "Accept": ACCEPT,
            "Content_Type": FORM,
            "Origin": f"http://{self.rest}",
            "Sec_Fetch_Site": "same-origin",
        }
        chosen |= headers
        host = {} if "host" in headers else {"host": self.rest}
        return await ask(self.rest, "POST", path, text=urlencode(fields), **chosen, **host)


def resolved(address: str, *, at: str) -> str:
    """Where an address leads from a page at a path: path and query, of the same server."""
    parts = urlsplit(urljoin(f"http://here{at}", address))
    assert parts.netloc == "here", address
    return parts.path + (f"?{parts.query}" if parts.query else "")
