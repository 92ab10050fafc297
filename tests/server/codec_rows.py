"""Strategies for any row of a task or an artifact: as this server writes them, and as others may have."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.server.codec_messages import (
    FIRST_NANOSECOND,
    INT64,
    LAST_NANOSECOND,
    NUMBER,
    PLAIN,
    PLAIN_OBJECT,
    TEXT,
    a_task,
    an_artifact,
    linked,
)

INT32 = st.integers(-(2**31), 2**31 - 1)
MOMENT = st.integers(FIRST_NANOSECOND // 1000, LAST_NANOSECOND // 1000) | st.integers(0, 2**51)
OTHER: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1, 2**40, 1.5, "", "x", [], {}, [{}], "é"])


def any_of(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Stored objects: any of the members, of their type or of another, and others."""
    optional = {name: strategy | OTHER for name, strategy in members.items()}
    return st.fixed_dictionaries({}, optional=optional | {"other": PLAIN})


def column(stored: st.SearchStrategy[Any]) -> st.SearchStrategy[str | None]:
    """Texts of a column: none, of what is to be stored, or of something else."""
    return st.none() | st.builds(
        lambda value, is_ascii, end: json.dumps(value, ensure_ascii=is_ascii) + end,
        stored | PLAIN.filter(lambda value: not isinstance(value, str)),
        st.booleans(),
        st.sampled_from(["", "", " ", " trailing"]),
    )


def enum(*names: str) -> st.SearchStrategy[Any]:
    """Stored enums: names, numbers and others."""
    return st.sampled_from(names) | INT32 | st.just("UNKNOWN")


PRODUCER = any_of(taskName=TEXT, iteration=INT64.map(str) | INT64)
PARAMETER = any_of(
    value=PLAIN,
    type=enum("OUTPUT", "RUNTIME_VALUE_INPUT"),
    parameterKey=TEXT | st.text(max_size=300),
    producer=PRODUCER,
)
ENTRY = any_of(
    state=enum("RUNNING", "FAILED"),
    updateTime=st.sampled_from(["2026-12-01T11:25:26.997187Z", "2026-12-01T11:25:26Z", "1960-01-01T00:00:00.5Z", "no"]),
    error=any_of(code=st.integers(0, 16), message=TEXT, details=st.just([{"@type": "unknown/type", "a": 1}])),
)
TASK = st.builds(
    lambda **fields: a_task(**fields),
    id=TEXT,
    name=TEXT,
    display_name=TEXT | st.text("aé", min_size=100, max_size=300),
    run_id=TEXT,
    parent_task_id=st.none() | TEXT,
    type=INT32,
    state=INT32,
    created_at=MOMENT,
    finished_at=st.none() | MOMENT,
    cache_fingerprint=TEXT,
    scope_path=TEXT,
    pods=column(st.lists(any_of(name=TEXT, uid=TEXT, type=enum("DRIVER")), max_size=3)),
    status_metadata=column(any_of(message=TEXT, customProperties=PLAIN_OBJECT)),
    state_history=column(st.lists(ENTRY, max_size=3)),
    type_attributes=column(
        any_of(iterationIndex=INT64.map(str), iterationCount=INT64, downloadToWorkspace=st.booleans())
    ),
    input_parameters=column(st.lists(PARAMETER, max_size=4)),
    output_parameters=column(st.lists(PARAMETER, max_size=4)),
)
ARTIFACT = st.builds(
    lambda **fields: an_artifact(**fields),
    id=TEXT,
    name=TEXT,
    description=TEXT,
    type=INT32,
    namespace=TEXT,
    uri=st.none() | TEXT,
    metadata=column(PLAIN_OBJECT),
    number_value=st.none() | NUMBER,
    created_at=MOMENT,
)
LINKS = st.lists(
    st.builds(
        lambda artifact, type, key, producer, iteration: replace(
            linked("a", type=type, key=key, producer=producer or "", iteration=iteration), artifact=artifact
        ),
        ARTIFACT,
        INT32 | st.sampled_from([8, 9]),
        TEXT,
        column(PRODUCER),
        st.sampled_from([-1, 0, 3]),
    ),
    max_size=3,
)
