"""The pages that show the OpenAPI documents with forms to try them: Swagger UI, from files of the package only."""

from collections.abc import Sequence
from html import escape

from server.calls.http_calls import HttpResponse
from server.doors.http.messages import page
from server.pages.assets import address_of

_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lineal: API</title>
<link rel="icon" href="{icon}" type="image/svg+xml">
<link rel="stylesheet" href="{viewer_style}">
<link rel="stylesheet" href="{style}">
<script src="{viewer}" defer></script>
<script src="{script}" defer></script>
</head>
<body>
<nav aria-label="Lineal"><a href="/">Lineal</a>{links}</nav>
<main id="docs" data-document="{document}">
<noscript>This page needs JavaScript; <a href="{document}">the document</a> does not.</noscript>
</main>
</body>
</html>
"""


def docs_page(name: str, names: Sequence[str]) -> HttpResponse:
    """Return the page of the API of a name, with links to those of all that have a document."""
    return page(
        _HTML.format(
            document=escape(f"/openapi/{name}.json"),
            links="".join(_link(each, is_current=each == name) for each in names),
            icon=address_of("lineal.svg"),
            style=address_of("docs.css"),
            script=address_of("docs.js"),
            viewer=address_of("vendor/swagger-ui/swagger-ui-bundle.js"),
            viewer_style=address_of("vendor/swagger-ui/swagger-ui.css"),
        )
    )


def _link(name: str, *, is_current: bool) -> str:
    current = ' aria-current="page"' if is_current else ""
    return f' <a href="/docs/{escape(name)}"{current}>{escape(name)}</a>'
