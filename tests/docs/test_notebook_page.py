"""The page about notebooks, block by block, on the store that it is about."""

import sys
from pathlib import Path

import pytest

from server.demo_command import fill_new_store
from tests.docs.pages import DOCS
from tests.docs.sessions import session, steps
from tests.faults.cluster import clean_environment, serving

PAGE = DOCS / "notebook.md"
END = 1_764_500_000_000_000


@pytest.mark.slow
def test_each_block_prints_what_the_page_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'demo.sqlite'}"
    fill_new_store(url, now=END)
    differing = []
    with serving(url) as server:
        environment = clean_environment({"LINEAL_SERVER": server.grpc})
        with session(Path(sys.executable), tmp_path, environment) as reader:
            for step in steps(PAGE):
                outcome = reader.carry_out(step)
                if not outcome.is_as_printed:
                    differing.append(f"{step.code}\nprints:\n{outcome.printed}")
    assert not differing, "\n\n".join(differing)


def test_the_page_has_blocks_that_print() -> None:
    assert sum(step.printed is not None for step in steps(PAGE)) >= 4
