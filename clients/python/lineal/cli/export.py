"""`lineal export`: everything that is recorded of runs, as JSON lines.

Each line is an object with the keys `kind` and the kind's own name. Nothing but ids of artifacts is kept in memory, so that runs of
any size stream.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from google.protobuf.message import Message

from lineal.cli import formats
from lineal.cli.connection import Command, with_client, words_of
from lineal.cli.finding import find_all
from lineal.filters import F

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.v2beta1.artifact_pb2 import Artifact, ArtifactTask

ARTIFACTS_AT_ONCE = 100
"""How many artifacts are asked for by their ids in one call."""


@click.command("export", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@with_client
def export(client: "Client", runs: tuple[str, ...]) -> None:
    """Print everything that is recorded of runs as JSON lines: runs, tasks, artifacts and links.

    RUN is an id, or the name of exactly one run; a single - takes ids from standard input. Each line is an object with a `kind` –
    run, task, artifact or link – and with the message under that name, such as {"kind": "run", "run": {…}}. A run comes first,
    then its tasks, then each artifact before the first link to it, once in all.

    \b
      lineal export churn-4 > churn-4.jsonl
      lineal runs list --filter 'created_at>=2026-01-01' -o ids | lineal export - | gzip > runs.jsonl.gz
    """
    exported: set[str] = set()
    for run_id in find_all(client, "run", words_of(runs)):
        for kind, message in _of_run(client, run_id, exported):
            line = {"kind": kind, kind: formats.plain_message(message)}
            sys.stdout.write(f"{formats.json_text(line, indent=None)}\n")


def _of_run(client: "Client", run_id: str, exported: set[str]) -> Iterator[tuple[str, Message]]:
    """Yield everything of a run, each with its kind; `exported` has the ids of artifacts that need not come again."""
    yield "run", client.get_run(run_id, view="DEFAULT")
    for task in client.list_tasks(run_id, order_by="create_time"):
        _leave_out_artifacts(task)
        yield "task", task
    links: Iterator[ArtifactTask] = iter(client.list_artifact_tasks(run_ids=[run_id]))
    while some := list(islice(links, ARTIFACTS_AT_ONCE)):
        unknown = dict.fromkeys(link.artifact_id for link in some if link.artifact_id not in exported)
        for artifact in _artifacts(client, list(unknown)):
            exported.add(artifact.artifact_id)
            yield "artifact", artifact
        for link in some:
            yield "link", link


def _leave_out_artifacts(task: Any) -> None:
    """Remove the artifacts from a task's inputs and outputs: they have lines of their own, and links say which task had them."""
    for side in (task.inputs, task.outputs):
        side.ClearField("artifacts")


def _artifacts(client: "Client", ids: Sequence[str]) -> Iterable["Artifact"]:
    if not ids:
        return ()
    return client.list_artifacts(filter=F.artifact_id.in_(ids), sort_by="artifact_id")
