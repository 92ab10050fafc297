"""What a word on the command line means: an id, a ref such as run/ID, or the name of exactly one thing.

An id in the usual form is taken as it is, and costs no call; other words are looked up by LineageService.Search.
"""

import re
from typing import TYPE_CHECKING

from lineal._texts import moment, printable
from lineal.cli import words
from lineal.cli.exits import Failure, Status

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.v1.lineage_pb2 import Node

_USUAL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

SHOWN = 3
"""How many things are named when a word is the name of several, or of none."""

NODES_MAX = 1000
"""How many things with a name like the word are looked at."""


def find(client: "Client", kind: str, word: str) -> str:
    """Return the id of what a word means; `kind` is run, task, artifact or experiment.

    Raises Failure: NOT_FOUND if nothing has the id or the name, USAGE if several have the name.
    """
    if word.startswith(f"{kind}/"):
        return word.removeprefix(f"{kind}/")
    if is_usual_id(word):
        return word
    return id_of(node_of(client, kind, word))


def find_all(client: "Client", kind: str, given: "list[str]") -> list[str]:
    """Return the ids of what words mean, each once, in their order. Raises Failure as `find` does."""
    return list(dict.fromkeys(find(client, kind, word) for word in given))


def node_of(client: "Client", kind: str, word: str) -> "Node":
    """Return what has an id or a name, looked up. Raises Failure as `find` does."""
    if not word.strip():
        raise Failure(Status.USAGE, f"the name of {article(kind)} is empty")
    id = word.removeprefix(f"{kind}/")
    named: list[Node] = []
    similar: list[Node] = []
    listing = client.search(query=quoted(word), kinds=[kind], page_size=200)
    for number, node in enumerate(listing):
        if id_of(node) == id:
            return node
        (named if word in (node.name, node.uri) else similar).append(node)
        if number >= NODES_MAX:
            break
    if len(named) == 1:
        return named[0]
    if named:
        raise Failure(Status.USAGE, f"{len(named)} {kind}s have the name {word!r}, give an id: {_listed(named)}")
    hint = f"; similar: {_listed(similar)}" if similar else ""
    raise Failure(Status.NOT_FOUND, f"no {kind} has the id or the name {word!r}{hint}")


def id_of(node: "Node") -> str:
    """Return the id of a node of LineageService."""
    return str(node.ref.partition("/")[2])


def is_usual_id(word: str) -> bool:
    """Return whether a word has the form of the ids that the server makes, so that it need not be looked up as a name."""
    return _USUAL_ID.fullmatch(word) is not None


def article(kind: str) -> str:
    """Return a kind with its article."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def quoted(word: str) -> str:
    """Return a word for a query of Search, in which no character has a meaning of its own."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _listed(nodes: "list[Node]") -> str:
    now = words.now()
    shown: list[str] = []
    for node in nodes[:SHOWN]:
        created = moment(node, "created_at")
        when = f", {words.when_text(created, now)}" if created else ""
        shown.append(f"{id_of(node)} ({printable(node.name)}{when})")
    more = "" if len(nodes) <= SHOWN else f" and {len(nodes) - SHOWN} more"
    return ", ".join(shown) + more
