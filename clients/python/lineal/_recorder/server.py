"""What the recorder asks the server itself, and waits for: whether it fits, experiments, cached tasks, tasks of other processes.

All else is recorded, and sent in the background. One object per recording; it works in forked processes as far as gRPC does.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar

from lineal._recorder.locks import lock
from lineal.client import Client
from lineal.errors import AlreadyExists, DeadlineExceeded, LinealError, Unavailable, Unimplemented
from lineal.filters import F
from lineal.settings import Settings
from lineal.v2beta1.task_pb2 import PipelineTask

START_SECONDS = 10.0
"""How long a run waits for the server before it is recorded without it."""

AWAY_SECONDS = 30.0
"""For how long a server that could not be reached is asked only briefly."""

BRIEF_SECONDS = 0.5

FAILURES = 100
"""How many failed tasks of a run are looked at: each fails those around it, which are few."""

Answer = TypeVar("Answer")

log = logging.getLogger("lineal")


class Server:
    """Asks the server of one recording. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: tuple[int, Client] | None = None
        self._fits = False
        self._away_until = 0.0

    def check(self) -> bool:
        """Return whether the server could be reached. Raises Unimplemented for one that does not take ids from keys."""
        if self._fits:
            return True
        health = self._ask(lambda client, seconds: client.get_healthz(timeout_seconds=seconds))
        if health is None:
            return False
        if not health.ids_from_keys:
            raise Unimplemented(
                f"the server at {self.settings.server} does not derive ids from idempotency keys, which the recorder needs: "
                "it is an older Lineal, or another server of Kubeflow Pipelines' API",
                reason="NO_IDS_FROM_KEYS",
            )
        self._fits = True
        return True

    def experiment_id(self, name: str, namespace: str) -> str | None:
        """Return the id of the experiment with an id or a name; one is created if there is none. None without a server."""
        return self._ask(lambda client, seconds: _experiment_id(client, name, namespace, seconds))

    def cached_task(self, fingerprint: str, namespace: str) -> PipelineTask | None:
        """Return the newest task that succeeded with a fingerprint, with its outputs; None without one, or without a server."""
        response = self._ask(
            lambda client, seconds: client.find_cached_task(
                cache_fingerprint=fingerprint, namespace=namespace, timeout_seconds=seconds
            )
        )
        return response.task if response is not None and response.HasField("task") else None

    def task(self, run_id: str, task_id: str) -> PipelineTask | None:
        """Return a task without inputs and outputs; None without a server. Raises NotFound."""
        return self._ask(
            lambda client, seconds: client.get_task(run_id, task_id, task_view="BASIC", timeout_seconds=seconds)
        )

    def failed_tasks(self, run_id: str) -> list[PipelineTask]:
        """Return the first tasks of a run that are FAILED, FAILURES at most, without inputs and outputs; none without a server."""
        filter = (F.state == "FAILED").to_json()
        tasks = self._ask(
            lambda client, seconds: client.list_tasks(
                run_id, filter=filter, task_view="BASIC", timeout_seconds=seconds
            ).first(FAILURES)
        )
        return tasks or []

    def _ask(self, question: Callable[[Client, float], Answer]) -> Answer | None:
        """Return the answer, None if the server cannot be reached. Raises the other errors of the call."""
        seconds = BRIEF_SECONDS if time.monotonic() < self._away_until else START_SECONDS
        try:
            answer = question(self._current_client(), seconds)
        except (Unavailable, DeadlineExceeded, RuntimeError) as error:
            # A RuntimeError is what gRPC cannot do: call from a process that was forked after it had been used.
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.debug("the server at %s was asked in vain: %s", self.settings.server, error)
            return None
        self._away_until = 0.0
        return answer

    def _current_client(self) -> Client:
        # A client that was used before a fork is of no use after it.
        with lock:
            if self._client is None or self._client[0] != os.getpid():
                arguments = {each.name: getattr(self.settings, each.name) for each in fields(Settings)}
                self._client = os.getpid(), Client(**arguments)
            return self._client[1]


def _experiment_id(client: Client, name: str, namespace: str, seconds: float) -> str:
    filter = (F.display_name == name).to_json()
    found = client.list_experiments(namespace=namespace or None, filter=filter, timeout_seconds=seconds).first(1)
    if found:
        return found[0].experiment_id
    if _is_id(name):
        return name
    experiment = {"display_name": name, "namespace": namespace or None}
    try:
        return client.create_experiment(experiment=experiment, timeout_seconds=seconds).experiment_id
    except AlreadyExists:  # another process was faster
        found = client.list_experiments(namespace=namespace or None, filter=filter, timeout_seconds=seconds).first(1)
        if not found:
            raise LinealError(f"experiment {name!r} exists, but could not be read") from None
        return found[0].experiment_id


def _is_id(text: str) -> bool:
    """Return whether a text has the form of the ids that the server makes, which nobody gives an experiment as name."""
    parts = text.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and set("".join(parts)) <= set("0123456789abcdef")
