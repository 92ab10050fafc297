"""What the client's page shows works as it is printed."""

import re
from pathlib import Path

import lineal
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_of_the_page_run(
    client: lineal.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINEAL_SERVER", client.settings.server)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for block in blocks:
        exec(block, {"client": client, "lineal": lineal})
    first, *_, last = capsys.readouterr().out.splitlines()
    assert len(blocks) == 2
    assert first.endswith(" churn")
    assert re.fullmatch(r"run 'unknown' not found \[NOT_FOUND, request [0-9a-f]{32}\]", last)
