"""What scripts add to pages, in a real browser: keys, copying, local times, looking again; and that forms work from there."""

from collections.abc import AsyncIterator

import pytest_asyncio

from server.app import Addresses
from tests.api.builders import a_root, new_run, unique
from tests.api.client import Api
from tests.pages.browser import Browser, Page
from tests.ui_pages.recorded import experiment, finished_run, running_run

PRESS = (
    "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: {!r}, bubbles: true, cancelable: true}}))"
)
ROW = "document.activeElement.closest('[data-row]')?.querySelector('a')?.textContent"
LOADED = "document.readyState === 'complete' && !document.getElementById('shortcuts').hidden"


@pytest_asyncio.fixture
async def api(served: Addresses) -> AsyncIterator[Api]:
    made = Api(served.grpc)
    yield made
    await made.channel.close()


async def opened(browser: Browser, served: Addresses, path: str) -> Page:
    tab = await browser.new_page()
    await tab.open(f"http://{served.rest}{path}")
    await tab.until(LOADED)
    return tab


def asked(tab: Page) -> int:
    """How often a tab has asked for a page or for an answer; not for files, of which the icon comes when it likes."""
    return len([url for url in tab.requests if "/static/" not in url])


async def press(tab: Page, *keys: str) -> None:
    for key in keys:
        await tab.value(PRESS.format(key))


async def two_runs(api: Api) -> tuple[str, list[str]]:
    """The list of an experiment's runs, and their names in its order."""
    experiment_id, names = await experiment(api, unique("e")), [unique("first"), unique("second")]
    for name in reversed(names):
        await finished_run(api, display_name=name, experiment_id=experiment_id)
    return f"/runs?experiment={experiment_id}", names


async def test_keys_go_through_rows_select_them_and_search(browser: Browser, served: Addresses, api: Api) -> None:
    path, names = await two_runs(api)
    tab = await opened(browser, served, path)
    seen = []
    for key in ("j", "j", "j", "k", "k"):
        await press(tab, key)
        seen.append(await tab.value(ROW))
    assert seen == [names[0], names[1], names[1], names[0], names[0]]
    await press(tab, "x")
    assert await tab.value("document.querySelectorAll('input[name=run]:checked').length") == 1
    await press(tab, "x", "/")
    assert await tab.value("document.querySelectorAll('input[name=run]:checked').length") == 0
    assert await tab.value("document.activeElement.id") == "search"
    await press(tab, "j")
    assert await tab.value("document.activeElement.id") == "search"
    assert tab.complaints == []


async def test_keys_can_be_switched_off(browser: Browser, served: Addresses, api: Api) -> None:
    path, names = await two_runs(api)
    tab = await opened(browser, served, path)
    await tab.value("document.getElementById('shortcuts').click()")
    await tab.value("document.activeElement.blur()")
    await press(tab, "j", "/")
    assert await tab.value("document.activeElement.tagName") == "BODY"
    await tab.value("location.reload()")
    await tab.until(f"{LOADED} && document.getElementById('shortcuts').textContent.includes('are off')")
    await tab.value("document.getElementById('shortcuts').click()")
    await press(tab, "j")
    assert await tab.value(ROW) == names[0]


async def test_times_are_local_and_ids_are_copied(browser: Browser, served: Addresses, api: Api) -> None:
    path, _ = await two_runs(api)
    tab = await opened(browser, served, path)
    assert "UTC" not in await tab.value("document.querySelector('td time').textContent")
    assert (await tab.value("document.querySelector('td time').title")).startswith("UTC 20")
    await tab.value("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    button = "document.querySelector('td button.copy')"
    assert await tab.value(f"getComputedStyle({button}).display") != "none"
    await tab.value(f"{button}.click()")
    assert await tab.until("window.copied") == await tab.value("document.querySelector('td input').value")
    assert await tab.until("document.getElementById('said').textContent") == "Copied"


async def test_a_page_that_shows_something_running_shows_its_end(browser: Browser, served: Addresses, api: Api) -> None:
    experiment_id = await experiment(api, unique("e"))
    run_id = await new_run(api, experiment_id=experiment_id)
    root = (await api.CreateTask(run_id=run_id, task=a_root())).task_id
    tab = await opened(browser, served, f"/runs?experiment={experiment_id}")
    state = "document.querySelector('td .state').textContent"
    assert "Running" in await tab.value(state)
    await press(tab, "j")
    await tab.value("document.activeElement.closest('tr').querySelector('input').checked = true")
    await api.UpdateTask(run_id=run_id, task_id=root, task=a_root("SUCCEEDED"))
    assert await tab.until(f"{state}.includes('Succeeded')")
    assert await tab.value(f"{ROW} + document.querySelectorAll('input[name=run]:checked').length") == "a run1"
    assert "UTC" not in await tab.value("document.querySelector('td time').textContent")
    assert await tab.value("document.querySelector('main').dataset.watch") is None
    requests = asked(tab)
    await tab.value("new Promise(done => setTimeout(done, 6000))")
    assert asked(tab) == requests
    assert tab.complaints == []


async def test_a_page_that_shows_nothing_running_asks_for_nothing(
    browser: Browser, served: Addresses, api: Api
) -> None:
    path, _ = await two_runs(api)
    tab = await opened(browser, served, path)
    requests = asked(tab)
    await tab.value("new Promise(done => setTimeout(done, 6000))")
    assert asked(tab) == requests


async def test_runs_are_archived_and_deleted_with_the_forms(browser: Browser, served: Addresses, api: Api) -> None:
    path, names = await two_runs(api)
    tab = await opened(browser, served, path)
    await press(tab, "j", "x")
    await tab.value("document.querySelector('button[value=archive]').click()")
    await tab.until("location.search.includes('done=archived.1')")
    await tab.until(f"{LOADED} && document.querySelector('main')?.innerText.includes('1 run was archived')")
    assert names[0] not in await tab.value("document.querySelector('main').innerText")
    await press(tab, "j", "x")
    await tab.value("document.querySelector('button[value=delete]').click()")
    await tab.until("document.querySelector('h1')?.textContent.includes('Delete this run?')")
    assert names[1] in await tab.value("document.querySelector('main').innerText")
    await tab.until(LOADED)
    await tab.value("document.querySelector('button.danger').click()")
    await tab.until(
        "location.search.includes('done=deleted.1') && document.querySelector('main')?.innerText.includes('No run fits')"
    )
    assert tab.complaints == []


async def test_a_page_waits_while_somebody_writes(browser: Browser, served: Addresses, api: Api) -> None:
    experiment_id = await experiment(api, unique("e"))
    await running_run(api, experiment_id=experiment_id)
    tab = await opened(browser, served, f"/runs?experiment={experiment_id}")
    await tab.value("document.getElementById('pipeline').focus()")
    await tab.value("new Promise(done => setTimeout(done, 1500))")  # one that was under way
    requests = asked(tab)
    await tab.value("new Promise(done => setTimeout(done, 6000))")
    assert asked(tab) == requests
    await tab.value("document.activeElement.blur()")
    await tab.value("new Promise(done => setTimeout(done, 6000))")
    assert asked(tab) > requests
