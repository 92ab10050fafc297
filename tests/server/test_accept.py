"""Which content type a caller prefers (RFC 9110, 12.5.1)."""

import pytest

from server.calls.accept import preferred

JSON, HTML, TEXT = "application/json", "text/html", "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("header", "content_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/html", HTML),
        ("TEXT/HTML ; charset=utf-8", HTML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("application/json;q=0.1, text/*", HTML),
        ("text/*;q=0.5, text/plain", TEXT),
        ("text/html;q=0, text/*", TEXT),
        ("text/html;q=0.2, text/html;level=1;q=0.7, application/json;q=0.3", HTML),
        ("application/json;q=0, */*;q=0", None),
        ("image/png", None),
        ("nonsense", JSON),
        ("nonsense, text/html", HTML),
        ("text/html;q=x", JSON),
        ("text/html;q=7", None),
        ("text/html;q=nan", None),
    ],
)
def test_the_greatest_weight_counts_then_the_order_of_what_is_offered(header: str, content_type: str | None) -> None:
    assert preferred(header, (JSON, HTML, TEXT)) == content_type
