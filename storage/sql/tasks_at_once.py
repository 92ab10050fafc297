"""Tasks that are created or updated with one statement, which is a transaction by itself. The tasks' file executes it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, Update, and_, bindparam, exists, select, update

from storage.contract import Lock
from storage.model import RunState, Task
from storage.sql.dialects.at_once import WritesAtOnce
from storage.sql.rows import field_names, inline_literal
from storage.sql.tables import runs, tasks


class TasksAtOnce:
    """Statements that write one task, if it and its run are as a writer expects who has not locked them before."""

    def __init__(self, at_once: WritesAtOnce) -> None:
        self._at_once = at_once
        parent = tasks.alias("parent")
        is_under_parent = exists().where(parent.c.id == bindparam("parent_id"), parent.c.run_id == bindparam("of_run"))
        self.create, self.create_under_parent = self._create(), self._create(is_under_parent)
        self.update = lru_cache(maxsize=256)(self._update)

    def _run(self, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
        ended = [inline_literal(state.name) for state in (RunState.CANCELING, RunState.CANCELED)]
        run = select(*columns).select_from(runs).where(runs.c.id == bindparam("of_run"), runs.c.state.not_in(ended))
        return self._at_once.held(run, Lock.SHARE)

    def _create(self, *conditions: ColumnElement[bool]) -> Insert:
        names = field_names(Task)
        row = [bindparam(f"new_{name}", type_=tasks.c[name].type) for name in names]
        is_in_namespace = runs.c.namespace == bindparam("new_namespace")
        return self._at_once.insert(tasks).from_select(names, self._run(row).where(is_in_namespace, *conditions))

    def _update(self, names: tuple[str, ...]) -> Update:
        is_as_read = and_(
            tasks.c.id == bindparam("task_id"),
            tasks.c.run_id == bindparam("of_run"),
            tasks.c.updated_at == bindparam("read_updated_at"),
            tasks.c.state == bindparam("read_state"),
        )
        run = self._run([runs.c.id])
        changed = update(tasks).values({name: bindparam(name) for name in names})
        return changed.where(self._at_once.free(tasks, is_as_read), run.exists())
