"""The front page: which server this is, whether it is ready, and links to everything else."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from server.calls.http_calls import HttpResponse
from server.doors.http.messages import page
from server.pages.assets import address_of

LINKS = (
    ("/docs", "API", "Every method, with a form to try it"),
    ("/openapi.json", "OpenAPI", "The same for programs"),
    ("/metrics", "Metrics", "Metrics for Prometheus"),
    ("/healthz", "Health", "Whether the process is running"),
    ("/readyz", "Readiness", "Whether the database answers"),
)

_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lineal</title>
<link rel="icon" href="{icon}" type="image/svg+xml">
<link rel="stylesheet" href="{style}">
<script src="{script}" defer></script>
</head>
<body>
<main>
<header>
<img src="{icon}" alt="">
<div>
<h1>Lineal</h1>
<p>Runs, tasks, artifacts and lineage of ML pipelines</p>
</div>
<span class="state {state}">{state_text}</span>
</header>
<h2 id="runs">What runs here</h2>
<dl aria-labelledby="runs">
{facts}
</dl>
<h2 id="more">Where to go</h2>
<nav aria-labelledby="more">
<ul class="links">
{links}
</ul>
</nav>
<noscript><p>Links such as /#/runs/details/ID are followed with JavaScript; the page they lead to is /runs/ID.</p></noscript>
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while a server runs: `store` without its password, `grpc` and `rest` as HOST:PORT."""

    version: str
    store: str
    schema: str
    grpc: str
    rest: str


def front_page(facts: Facts, *, host: str, is_ready: bool) -> HttpResponse:
    """Return the page for a visitor who reached the server as `host`."""
    rows = (
        ("Version", facts.version),
        ("Store", facts.store),
        ("Schema", facts.schema),
        ("gRPC", facts.grpc),
        ("REST", f"{host or facts.rest}/apis/v2beta1"),
    )
    return page(
        _HTML.format(
            icon=address_of("lineal.svg"),
            style=address_of("lineal.css"),
            script=address_of("links.js"),
            state="ready" if is_ready else "unready",
            state_text="Ready" if is_ready else "Database does not answer",
            facts=_lines("<div><dt>{}</dt><dd>{}</dd></div>", rows),
            links=_lines('<li><a href="{}"><strong>{}</strong><span>{}</span></a></li>', LINKS),
        )
    )


def _lines(template: str, rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(template.format(*map(escape, row)) for row in rows)
