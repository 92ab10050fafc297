"""The front page: what happened lately, and what needs a look; in an empty store how to fill it."""

import asyncio
import shlex
import subprocess
import sys

import pytest
from lineal.v1 import overview_pb2

from tests.api.builders import a_spec, unique
from tests.api.service import serving
from tests.docs.pages import CHECKOUT
from tests.faults.cluster import clean_environment
from tests.mlmd.reading import STORES
from tests.rest.client import ask
from tests.rest.uploads import upload_pipeline
from tests.ui_pages.document import Element, read
from tests.ui_pages.recorded import POISON, failed_run, finished_run, running_run
from tests.ui_pages.visitor import Visitor

pytestmark = pytest.mark.one_database

PROXY = {"x_forwarded_proto": "https", "x_forwarded_host": "ml.example.org", "x_forwarded_prefix": "/lineal"}


def row_of(page: Element, run_id: str) -> Element:
    """The row of a run's link."""
    [row] = [each for each in page.all("tr") if f"./runs/{run_id}" in each.hrefs]
    return row


async def test_last_runs_show_their_failed_task_and_error_or_their_metrics(visitor: Visitor) -> None:
    failed = await failed_run(visitor.api, task="publish", message="the registry refused\nand more")
    fine = await finished_run(visitor.api, metric=("accuracy", 0.875))
    page = await visitor.main("/")
    assert "Failed" in row_of(page, failed).text
    assert "publish: the registry refused" in row_of(page, failed).text
    assert "and more" not in row_of(page, failed).text
    assert "Succeeded" in row_of(page, fine).text
    assert "accuracy 0.875" in row_of(page, fine).text
    assert next(iter(row_of(page, fine).all("time"))).attributes["datetime"].endswith("Z")


async def test_a_run_leads_to_its_pipeline_and_version(visitor: Visitor) -> None:
    name = unique("p")
    pipeline_id = (await upload_pipeline(visitor.rest, a_spec(), name=name)).json["pipeline_id"]
    [version] = (await visitor.api.ListPipelineVersions(pipeline_id=pipeline_id)).pipeline_versions
    reference = {"pipeline_id": pipeline_id, "pipeline_version_id": version.pipeline_version_id}
    run_id = await finished_run(visitor.api, pipeline_version_reference=reference)
    row = row_of(await visitor.main("/"), run_id)
    assert f"{name} @ {version.display_name}" in row.text
    assert f"./pipelines/{pipeline_id}/versions/{version.pipeline_version_id}" in row.hrefs


async def test_tiles_count_what_needs_a_look(fresh: Visitor) -> None:
    for _ in range(2):
        await failed_run(fresh.api)
    await running_run(fresh.api)
    page = await fresh.main("/")
    [tiles] = page.with_class("tiles")
    assert [each.text for each in tiles.all("strong")] == ["1", "2", "0"]
    assert tiles.hrefs == ["./runs?state=RUNNING", "./runs?state=FAILED&ended=24h", "./runs?state=RUNNING"]
    assert "2 runs failed in the last 24 hours, 1 run running now." in page.text
    for href in tiles.hrefs:
        rows = (await fresh.main(href[1:])).all("tr")
        assert len(list(rows)) == 1 + (2 if "FAILED" in href else 1)


async def test_quiet_runs_are_shown_and_counts_that_stop_say_so(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = [overview_pb2.RunSummary(run_id=f"id-{number}", display_name="q", state="RUNNING") for number in range(12)]
    overview = overview_pb2.Overview(
        states=[{"state": "RUNNING", "runs": {"count": 10_000, "more": True}}],
        running={"count": 10_000, "more": True},
        failed_lately={"count": 1},
        quiet=quiet,
    )

    async def answer(*_: object, **fields: object) -> overview_pb2.Overview:
        return overview

    monkeypatch.setattr("server.ui.calls.Desk.ask", answer)
    page = await visitor.main("/")
    assert "1 run failed in the last 24 hours, more than 10000 runs running now, 12 of them said nothing" in page.text
    [tiles] = page.with_class("tiles")
    assert [each.text for each in tiles.all("strong")] == ["10000+", "1", "12"]
    assert tiles.hrefs[2] == f"#{page.by_id('quiet').attributes['id']}"
    assert len([row for row in page.all("tr") if "data-row" in row.attributes]) == 10
    assert "And 2 more." in page.text
    assert "All runs are archived." in page.text


async def test_the_page_looks_again_only_while_something_shown_runs(fresh: Visitor) -> None:
    await failed_run(fresh.api)
    assert "data-watch" not in (await fresh.main("/")).attributes
    run_id = await running_run(fresh.api)
    address = (await fresh.main("/")).attributes["data-watch"]
    shown = await ask(fresh.rest, "GET", address[1:])
    assert [run["run_id"] for run in shown.json["runs"]] == [run_id]
    await fresh.api.TerminateRun(run_id=run_id)
    assert (await ask(fresh.rest, "GET", address[1:])).body != shown.body


async def test_a_poisoned_name_is_text(fresh: Visitor) -> None:
    run_id = await failed_run(fresh.api, display_name=POISON, task=POISON[:64], message=POISON)
    page = await fresh.main("/")
    assert POISON in row_of(page, run_id).text
    assert f"{POISON[:64]}: {POISON}" in row_of(page, run_id).text


async def test_an_empty_store_shows_three_ways_to_fill_it(fresh: Visitor) -> None:
    page = await fresh.main("/")
    assert "Nothing is recorded yet" in page.one("h1").text
    commands = [each.text for each in page.all("pre")]
    assert len(commands) == len(list(page.all("h2"))) == 3
    await finished_run(fresh.api)
    assert "Nothing is recorded yet" not in (await fresh.main("/")).text


@pytest.mark.databases("sqlite")
async def test_the_commands_that_record_work_as_they_are_printed(fresh: Visitor) -> None:
    example, sdk, _ = [
        "".join(each for each in pre.children if isinstance(each, str)) for pre in (await fresh.main("/")).all("pre")
    ]
    program, script, address = shlex.split(example)
    assert program.endswith("python")
    await _run(sys.executable, script, address)
    assert "spam filter, first run" in (await fresh.main("/")).text
    script = sdk.partition("cat > hello.py <<'END'\n")[2].partition("\nEND\n")[0]
    file = CHECKOUT / ".venv-kfp" / "bin" / "python"
    # The SDK reads the source of a component from its file.
    await _run(
        "sh",
        "-c",
        f'd=$(mktemp -d) && cat > "$d/hello.py" && {file} "$d/hello.py"; s=$?; rm -r "$d"; exit $s',
        text=script,
    )
    assert "hello-pipeline" in (await fresh.main("/")).text


@pytest.mark.databases("sqlite")
async def test_without_the_example_a_run_is_recorded_by_hand(fresh: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ui.home._EXAMPLE", "examples/that_is_not_installed.py")
    command, *_ = [each.text for each in (await fresh.main("/")).all("pre")]
    assert "--fail-with-body" in command
    await _run("sh", "-c", command)
    assert "by hand" in (await fresh.main("/")).text


@pytest.mark.databases("sqlite")
async def test_the_commands_that_import_work_as_they_are_printed(fresh: Visitor) -> None:
    *_, pre = (await fresh.main("/")).all("pre")
    source, *commands = "".join(each for each in pre.children if isinstance(each, str)).splitlines()
    assert source.startswith("SOURCE=")
    await _run("sh", "-ec", "\n".join((f"SOURCE=sqlite:///{STORES / 'kfp_main.sqlite'}", *commands)))
    assert "Nothing is recorded yet" not in (await fresh.main("/")).text


@pytest.mark.databases("postgresql", "mysql")
async def test_a_password_that_commands_leave_out_is_asked_for(fresh: Visitor, migrated_url: str) -> None:
    has_password = ":" in migrated_url.partition("://")[2].partition("@")[0]
    assert ("the password of this one instead of ***" in (await fresh.main("/")).text) is has_password


async def test_commands_name_the_address_that_a_proxy_passes_on(migrated_url: str) -> None:
    async with serving(migrated_url, allowed_hosts="ml.example.org") as addresses:
        page = read((await ask(addresses.rest, "GET", "/", **PROXY)).body.decode()).one("main")
        odd = read((await ask(addresses.rest, "GET", "/", host="127.0.0.1:9", x_forwarded_prefix="/a'b")).body.decode())
    assert 'host="https://ml.example.org/lineal"' in page.text
    assert 'host="http://127.0.0.1:9"' in odd.text


async def _run(*command: str | object, text: str = "") -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [str(word) for word in command],
        input=text,
        cwd=CHECKOUT,
        env=clean_environment({"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'clients' / 'python'}"}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
