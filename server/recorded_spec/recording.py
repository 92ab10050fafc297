"""What a specification is made from: a run, and those of its tasks and links that are drawn."""

from collections.abc import Sequence

from storage.model import LinkOutline, Run, RunActivity, TaskOutline
from storage.record import record

SDK_VERSION = "recorded"
"""The sdkVersion that marks a made specification, so that it is not mistaken for one that can be run."""

TASKS_MAX = 2_000
"""Maximum number of tasks that are drawn, the oldest ones of the run."""

LINKS_MAX = 20_000
"""Maximum number of links that are drawn, the oldest ones of the run."""


@record
class Recording:
    """A run, and those of its tasks and links that are drawn."""

    run: Run
    activity: RunActivity
    tasks: Sequence[TaskOutline]
    links: Sequence[LinkOutline]
