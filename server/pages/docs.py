"""The page that shows the OpenAPI document with forms to try it: Swagger UI, from files of the package only."""

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
<nav aria-label="Lineal"><a href="/">Lineal</a></nav>
<main id="docs"><noscript>This page needs JavaScript; <a href="/openapi.json">the document</a> does not.</noscript></main>
</body>
</html>
"""


def docs_page() -> HttpResponse:
    """Return the page."""
    return page(
        _HTML.format(
            icon=address_of("lineal.svg"),
            style=address_of("docs.css"),
            script=address_of("docs.js"),
            viewer=address_of("vendor/swagger-ui/swagger-ui-bundle.js"),
            viewer_style=address_of("vendor/swagger-ui/swagger-ui.css"),
        )
    )
