"""Takes the pictures of the README: pages of a store that the demo has filled. `python -m checks.pictures`, after a change of a page.

Writes docs/pictures/*.png. They show the present day, so that they are never twice the same, and nothing compares them.
"""

import asyncio
import pathlib
import tempfile
from typing import Any

from server.demo_command import fill_new_store
from tests.lineage.served import served_on
from tests.pages.browser import launched

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs" / "pictures"
SIZE = (1100, 760)
"""Width and height of a picture, in pixels."""

BROKEN, WHOLE = "churn 12", "churn 11"
"""The runs whose pages, and whose artifacts' pages, are shown."""


async def take() -> None:
    """Fill a store, open the pages and keep what they look like."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/demo.sqlite"
        await asyncio.to_thread(fill_new_store, url)
        async with served_on(url) as served, launched() as browser:
            tab = await browser.new_page(SIZE, timezone_id="UTC")
            for name, path in (await _addresses(served.api)).items():
                await tab.open(f"http://{served.rest}{path}")
                await tab.screenshot(FOLDER / f"{name}.png")
                print(f"docs/pictures/{name}.png")


async def _addresses(api: Any) -> dict[str, str]:
    runs = {run.display_name: run.run_id for run in (await api.ListRunSummaries(page_size=200)).runs}
    tasks = (await api.GetRun(run_id=runs[WHOLE], view="FULL")).tasks
    [model] = [
        group.artifacts[0].artifact_id
        for task in tasks
        for group in task.outputs.artifacts
        if group.artifact_key == "churn-model"
    ]
    return {"home": "/", "run": f"/runs/{runs[BROKEN]}", "artifact": f"/artifacts/{model}"}


if __name__ == "__main__":
    asyncio.run(take())
