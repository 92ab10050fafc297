"""What the pages' routes answer over HTTP: what stands in them, who may keep them, and what they do without a database."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from server.app import Addresses
from tests.api.service import serving
from tests.databases import create_database
from tests.databases.private import PrivateServer
from tests.faults.cluster import serving as serving_process
from tests.rest.client import ask

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", ["/", "/about", "/docs"])
async def test_pages_run_no_inline_script_and_are_framed_by_nobody(served: Addresses, path: str) -> None:
    answer = await ask(served.rest, "GET", path)
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert b"<script>" not in answer.body
    assert b"style=" not in answer.body


@pytest.mark.parametrize(
    "path",
    ["/", "/about", "/docs", "/docs/lineal", "/openapi.json", "/openapi/lineal.json", "/metrics", "/static/ui/ui.css"],
)
async def test_pages_take_reads_only(served: Addresses, path: str) -> None:
    assert (await ask(served.rest, "HEAD", path)).status == 200
    answer = await ask(served.rest, "POST", path)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_host_header_that_is_no_host_is_not_shown(pages_store: str) -> None:
    async with serving(pages_store, allowed_hosts="*") as addresses:
        answer = await ask(addresses.rest, "GET", "/about", host="<script>alert(1)</script>")
    assert answer.status == 200
    assert b"alert(1)" not in answer.body


async def test_the_document_is_sent_as_it_is_checked_in(served: Addresses) -> None:
    answer = await ask(served.rest, "GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.body == CHECKOUT.joinpath("api", "openapi.json").read_bytes()


async def test_each_api_has_its_document_and_its_page(served: Addresses) -> None:
    for name, file in (("kfp", "openapi.json"), ("lineal", "openapi_lineal.json")):
        document = await ask(served.rest, "GET", f"/openapi/{name}.json")
        assert document.body == CHECKOUT.joinpath("api", file).read_bytes()
        page = (await ask(served.rest, "GET", f"/docs/{name}")).body.decode()
        assert f'data-document="../openapi/{name}.json"' in page
        assert 'href="../docs/kfp"' in page
        assert 'href="../docs/lineal"' in page
    assert 'data-document="./openapi/kfp.json"' in (await ask(served.rest, "GET", "/docs")).body.decode()
    assert (await ask(served.rest, "GET", "/docs/kfp_v1beta1")).status == 404


async def test_files_are_packed_for_those_who_take_it(served: Addresses) -> None:
    plain = await ask(served.rest, "GET", "/openapi.json", accept_encoding="gzip;q=0, br")
    packed = await ask(served.rest, "GET", "/openapi.json", accept_encoding="br, gzip")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 5
    assert gzip.decompress(packed.body) == plain.body


async def test_files_may_be_kept_under_the_address_that_pages_use(served: Addresses) -> None:
    page = (await ask(served.rest, "GET", "/")).body.decode()
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert "immutable" in (await ask(served.rest, "GET", address.removeprefix("."))).headers["cache-control"]
    assert (await ask(served.rest, "GET", "/static/ui/ui.css?v=0")).headers["cache-control"] == "no-cache"


async def test_nothing_but_the_listed_files_is_sent(served: Addresses) -> None:
    for path in ("/static/", "/static/ui/", "/static/openapi.json", "/static/vendor/SHA256SUMS", "/static/..%2Fapp.py"):
        assert (await ask(served.rest, "GET", path)).status == 404


@pytest.mark.databases("postgresql", "mysql")
async def test_the_password_of_the_store_is_hidden(migrated_url: str) -> None:
    password = migrated_url.partition("://")[2].partition("@")[0].partition(":")[2]
    async with serving(migrated_url) as addresses:
        texts = [(await ask(addresses.rest, "GET", path)).body.decode() for path in ("/about", "/metrics")]
    assert migrated_url.rpartition("/")[2] in texts[0]
    assert not password or ":***@" in texts[0]
    assert not password or all(f":{password}@" not in text for text in texts)


@pytest.mark.databases("postgresql")
async def test_a_frozen_database_shows(start_private_server: Callable[..., PrivateServer]) -> None:
    database = start_private_server("postgresql")
    with serving_process(create_database("postgresql", server=database.url), "--upgrade") as server:
        assert b"Ready" in (await ask(server.rest, "GET", "/about")).body
        assert (await ask(server.rest, "GET", "/metrics")).status == 200
        database.pause()
        assert b"Database does not answer" in (await ask(server.rest, "GET", "/about")).body
        assert (await ask(server.rest, "GET", "/metrics")).status == 200
        database.resume()
