"""The pods that worked for a task, and the command that prints the log of one."""

import re
from collections.abc import Sequence

from storage.documents.tasks import Pod, pods_from_text
from storage.model import PodType
from storage.record import record

PODS_MAX = 10
"""How many pods of a task are shown."""

# What Kubernetes allows: nothing that a shell or kubectl would take for something else.
_POD = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


@record
class PodLog:
    """A pod; `command` is empty if its name is not one that Kubernetes allows."""

    pod: Pod
    command: str


def pod_logs(pods: str | None, namespace: str) -> Sequence[PodLog]:
    """Return the pods of a task: those that executed it before others, the latest first."""
    latest_first = [pod for pod in pods_from_text(pods) if pod.name][::-1]
    ordered = sorted(latest_first, key=lambda pod: pod.type != PodType.EXECUTOR)
    return [PodLog(pod, _command(pod.name, namespace)) for pod in ordered[:PODS_MAX]]


def _command(name: str, namespace: str) -> str:
    if not _POD.fullmatch(name):
        return ""
    option = f" -n {namespace}" if _NAMESPACE.fullmatch(namespace) else ""
    return f"kubectl logs{option} {name}"
