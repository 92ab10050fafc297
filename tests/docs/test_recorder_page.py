"""The page about recording, block by block, as a reader would go through it."""

import os
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.docs.sessions import session, steps
from tests.faults.cluster import clean_environment, serving

PAGE = DOCS / "recorder.md"
PROGRAMS = Path(sys.executable).parent


@pytest.mark.slow
@pytest.mark.databases("sqlite")
def test_each_block_prints_what_the_page_says(migrated_url: str, tmp_path: Path) -> None:
    differing = []
    with serving(migrated_url) as server:
        places = {"LINEAL_SERVER": server.grpc, "LINEAL_SPOOL_DIR": str(tmp_path / "spool")}
        path = {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
        with session(Path(sys.executable), tmp_path, clean_environment(places | path)) as reader:
            for step in steps(PAGE):
                outcome = reader.carry_out(step)
                if not outcome.is_as_printed:
                    differing.append(f"{step.code}\nprints:\n{outcome.printed}")
    assert not differing, "\n\n".join(differing)


def test_the_page_has_blocks_and_commands_that_print() -> None:
    assert sum(step.is_python and step.printed is not None for step in steps(PAGE)) >= 3
    assert sum(not step.is_python for step in steps(PAGE)) >= 3
