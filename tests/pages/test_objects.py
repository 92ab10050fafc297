"""The links that KFP's SDK prints lead to a page that shows the object; nothing of what is stored is ever markup."""

from typing import Any

import pytest

from server.app import Addresses
from tests.api.builders import a_spec, unique
from tests.pages.browser import Browser, Page
from tests.rest.client import ask
from tests.rest.uploads import upload_pipeline

POISON = "<script>document.title='poisoned'</script>\"'&"
V2 = "/apis/v2beta1"


async def objects(rest: str) -> dict[str, tuple[str, str]]:
    """An object of each kind: its link behind the host, and its REST path."""
    name = f"{unique('n')}{POISON}"
    run = (await ask(rest, "POST", f"{V2}/runs", {"display_name": name})).json["run_id"]
    experiment = (await ask(rest, "POST", f"{V2}/experiments", {"display_name": name})).json["experiment_id"]
    pipeline = (await upload_pipeline(rest, a_spec(), name=name)).json["pipeline_id"]
    versions = (await ask(rest, "GET", f"{V2}/pipelines/{pipeline}/versions")).json["pipeline_versions"]
    version = versions[0]["pipeline_version_id"]
    return {
        "run": (f"/#/runs/details/{run}", f"{V2}/runs/{run}"),
        "experiment": (f"/#/experiments/details/{experiment}", f"{V2}/experiments/{experiment}"),
        "pipeline": (f"/#/pipelines/details/{pipeline}", f"{V2}/pipelines/{pipeline}"),
        "version": (
            f"/#/pipelines/details/{pipeline}/version/{version}",
            f"{V2}/pipelines/{pipeline}/versions/{version}",
        ),
    }


async def followed(tab: Page) -> Any:
    """What the page shows once the link was followed, as JSON."""
    await tab.until("location.pathname !== '/' && document.readyState === 'complete'")
    return await tab.value("JSON.parse(document.querySelector('pre').textContent)")


@pytest.mark.parametrize("kind", ["experiment", "pipeline", "version"])
async def test_a_link_of_the_sdk_leads_to_the_object(browser: Browser, served: Addresses, kind: str) -> None:
    link, path = (await objects(served.rest))[kind]
    tab = await browser.new_page()
    await tab.open(f"http://{served.rest}{link}")
    assert await followed(tab) == (await ask(served.rest, "GET", path)).json
    assert POISON in await tab.value("document.querySelector('h1').textContent")
    assert "poisoned" not in await tab.value("document.title.split('<')[0]")
    assert await tab.value("document.querySelectorAll('script:not([src]), main script').length") == 0
    assert await tab.value("fetch(document.querySelector('a.rest').href).then(answer => answer.status)") == 200
    assert tab.complaints == []


async def test_a_link_of_the_sdk_leads_to_the_page_of_a_run(browser: Browser, served: Addresses) -> None:
    link, path = (await objects(served.rest))["run"]
    tab = await browser.new_page()
    await tab.open(f"http://{served.rest}{link}")
    await tab.until("location.pathname !== '/' && document.readyState === 'complete'")
    assert await tab.value("location.pathname") == f"/runs/{path.rpartition('/')[2]}"
    assert POISON in await tab.value("document.querySelector('h1').textContent")
    assert await tab.value("document.querySelectorAll('script:not([src]), main script').length") == 0
    assert tab.complaints == []


async def test_a_link_is_followed_from_the_front_page_too(browser: Browser, served: Addresses) -> None:
    link, path = (await objects(served.rest))["experiment"]
    tab = await browser.new_page()
    await tab.open(f"http://{served.rest}/")
    await tab.until("document.readyState === 'complete' && location.pathname === '/'")
    await tab.value(f"location.hash = {link[1:]!r}")
    assert await followed(tab) == (await ask(served.rest, "GET", path)).json


@pytest.mark.parametrize("path", ["/runs/x", "/experiments/x", "/pipelines/x", "/pipelines/x/versions/y"])
async def test_what_is_not_there_says_so_on_a_page(served: Addresses, path: str) -> None:
    answer = await ask(served.rest, "GET", path)
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"not found" in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await ask(served.rest, "POST", path)).status == 405


async def test_an_id_is_never_markup(served: Addresses) -> None:
    answer = await ask(served.rest, "GET", "/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert answer.status == 404
    assert b"<script>alert" not in answer.body
