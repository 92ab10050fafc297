"""Nodes of lineal.v1 as links: names lead to the page of a run, a task in its run, an artifact or an experiment."""

from typing import Any

from server.ui.visit import Visit

_PATHS = {"run": "runs", "artifact": "artifacts", "experiment": "experiments"}


def kind_of(ref: str) -> str:
    """Return the kind of a ref: "run" of "run/ID"."""
    return ref.partition("/")[0]


def id_of(ref: str) -> str:
    """Return the id of a ref."""
    return ref.partition("/")[2]


def address_of_node(visit: Visit, node: Any) -> str:
    """Return the address of the page that shows a Node, "" if there is none: it is hidden, or a task without a run."""
    kind, id = kind_of(node.ref), id_of(node.ref)
    if node.type == "hidden":
        return ""
    if kind == "task":
        return visit.to("runs", id_of(node.run), "tasks", id) if node.run else ""
    return visit.to(_PATHS[kind], id) if kind in _PATHS else ""
