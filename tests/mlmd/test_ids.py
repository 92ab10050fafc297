"""Ids are UUIDs of version 5 in the DNS namespace, so that every import of a store makes the same ones."""

from uuid import NAMESPACE_DNS, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations.mlmd.mapping.ids import Ids


@given(st.text(), st.text())
def test_an_id_is_the_uuid_of_its_name(store_id: str, name: str) -> None:
    assert Ids(store_id).of(name) == str(uuid5(NAMESPACE_DNS, f"{store_id}:{name}" if store_id else name))


@pytest.mark.parametrize(
    ("id", "name"),
    [
        (Ids().task(12), "execution:12"),
        (Ids().run(3), "context:3"),
        (Ids().root(3), "root:3"),
        (Ids().artifact(9, namespace=None, metric=None), "artifact:9"),
        (Ids().artifact(9, namespace=None, metric="loss"), "artifact:9:loss"),
        (Ids().artifact(9, namespace="b", metric=None), "artifact:9@b"),
        (Ids().artifact(9, namespace="", metric="loss"), "artifact:9@:loss"),
        (Ids().link(2, 9, 4, "out", 0), "event:2:9:4:out:0"),
        (Ids().propagated_link(2, 9, "out", -1, 0), "output:2:9:out:-1:0"),
        (Ids("west").task(12), "west:execution:12"),
    ],
)
def test_each_kind_of_row_has_a_name_of_its_own(id: str, name: str) -> None:
    assert id == str(uuid5(NAMESPACE_DNS, name))
