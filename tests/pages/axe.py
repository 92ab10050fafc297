"""What axe-core finds wrong with a page for people who cannot see it, or not well. The pages' tests call this."""

import json
from functools import cache
from importlib.resources import files

from tests.pages.browser import Page

STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LOOKS = ("color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block", "meta-viewport")
"""The rules whose result depends on the size of the window, and on whether the page is light or dark."""


async def findings(tab: Page, *, rules: tuple[str, ...] = ()) -> list[str]:
    """Return a line per finding of all rules of WCAG's levels A and AA and axe's best practices, or of some rules.

    A line is a rule, the selector of the element, and what is wrong there. The script is evaluated by the browser's driver, so
    that the page's own content security policy stays as it is.
    """
    if not await tab.value("'axe' in window"):
        await tab.value(_script())
    chosen = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": STANDARDS}
    options = json.dumps({"runOnly": chosen, "resultTypes": ["violations"]})
    violations = await tab.value(f"axe.run({options}).then(results => results.violations)")
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]


@cache
def _script() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
