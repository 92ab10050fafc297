"""How far a run has come."""

from collections.abc import Sequence

from server.rules.runs import FINISHED
from storage.contract import ReadTx
from storage.record import record
from storage.run_report import TaskStateCount

TASKS_MAX = 20_000
"""Among how many tasks of a run those in each state are counted, and what was not reached is looked for."""


@record
class Progress:
    """How many tasks are in each state; `version` changes with the run and its tasks."""

    state: str
    counts: Sequence[TaskStateCount]
    has_more: bool
    version: str

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self.state in FINISHED


async def read_progress(tx: ReadTx, run_id: str, *, state: str, updated_at: int) -> Progress:
    """Count the tasks of a run that has a state, and was last written at a time."""
    counts = await tx.run_report.task_states(run_id, among=TASKS_MAX + 1)
    total = sum(each.count for each in counts)
    last = max((each.updated_at for each in counts), default=0)
    return Progress(state, counts, total > TASKS_MAX, f"{updated_at:x}-{last:x}-{total:x}")
