"""Files of the package that are sent as they are: the OpenAPI document, styles, scripts. The pages' routes call this."""

import gzip
import re
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files

from server.calls.http_calls import HttpResponse
from server.doors.http.messages import HttpRequest

_KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_NAMES = (
    "lineal.svg",
    "links.js",
    "vendor/dagre/dagre.esm.js",
    "vendor/swagger-ui/swagger-ui-bundle.js",
    "vendor/swagger-ui/swagger-ui.css",
)
_TAKES_GZIP = re.compile(r"(^|[\s,])(gzip|\*)\s*(,|$|;\s*q=(?!0(\.0*)?\s*(,|$)))")


@dataclass(frozen=True)
class Asset:
    """A file, plain and compressed; `query` ends the address from which pages load it, and changes with the content."""

    content_type: str
    data: bytes
    query: str

    @cached_property
    def packed(self) -> bytes:
        """The compressed file. To make it takes long, so that it is made when it is first sent."""
        return gzip.compress(self.data, 6, mtime=0)

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the file, compressed if the client accepts that; it may be cached at the address with the hash in it."""
        cache_forever = "public, max-age=31536000, immutable"
        headers: tuple[tuple[str, str], ...] = (
            ("cache-control", cache_forever if request.query == self.query else "no-cache"),
            ("vary", "Accept-Encoding"),
        )
        if not _TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
            return HttpResponse(200, self.data, self.content_type, headers)
        return HttpResponse(200, self.packed, self.content_type, (*headers, ("content-encoding", "gzip")))


@cache
def asset_names() -> tuple[str, ...]:
    """Return the names of the files that pages load: those listed here, and all in the folder `ui`."""
    folder = files("server").joinpath("static", "ui")
    return (*_NAMES, *sorted(f"ui/{file.name}" for file in folder.iterdir()))


@cache
def read_asset(name: str) -> Asset:
    """Return a file of the package."""
    return asset_of(name, files("server").joinpath("static", *name.split("/")).read_bytes())


def asset_of(name: str, data: bytes) -> Asset:
    """Return bytes as a file of that name."""
    query = f"v={sha256(data).hexdigest()[:16]}"
    return Asset(_KINDS[name.rpartition(".")[2]], data, query)


@cache
def relative_address_of(name: str) -> str:
    """Return the address under which pages load a file, relative to the front page."""
    return f"static/{name}?{read_asset(name).query}"
