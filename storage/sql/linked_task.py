"""A task with its links and its children, in one statement: three would need a transaction around them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, literal_column, select, union_all

from storage.model import Artifact, ArtifactTask, ChildTask, LinkedArtifact, Task
from storage.sql.dialects.dialect import Dialect
from storage.sql.rows import columns_of
from storage.sql.tables import artifact_tasks, artifacts, tasks

_TASK, _LINK, _CHILD = range(3)
_OF_TASK, _OF_LINK, _OF_ARTIFACT = (
    columns_of(table, record)
    for table, record in ((tasks, Task), (artifact_tasks, ArtifactTask), (artifacts, Artifact))
)
_FIRST_OF_LINK = 1 + len(_OF_TASK)
_FIRST_OF_ARTIFACT = _FIRST_OF_LINK + len(_OF_LINK)
_FIRST_OF_CHILD = _FIRST_OF_ARTIFACT + len(_OF_ARTIFACT)


class LinkedTaskStatement:
    """The statement. Its rows are of three kinds, each with values in columns of its own, after one that says which kind it is."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        task_id: BindParameter[str] = bindparam("task_id")
        partners, is_partner = dialect.partners(artifacts, artifacts.c.id == artifact_tasks.c.artifact_id)
        child = tasks.alias("child")
        of_child = [child.c[name] for name in ("created_at", "id", "name", "parent_task_id")]
        links = [*_OF_LINK, *columns_of(partners, Artifact)]
        self.statement = union_all(
            self._kind(_TASK, _OF_TASK, [], [*links, *of_child]).where(tasks.c.id == task_id),
            self._kind(_LINK, links, _OF_TASK, of_child)
            .select_from(artifact_tasks.join(partners, is_partner))
            .where(artifact_tasks.c.task_id == task_id),
            self._kind(_CHILD, of_child, [*_OF_TASK, *links], []).where(
                child.c.run_id == bindparam("run_id"), child.c.parent_task_id == task_id
            ),
        )

    def _kind(
        self,
        kind: int,
        columns: Sequence[ColumnElement[Any]],
        before: Sequence[ColumnElement[Any]],
        after: Sequence[ColumnElement[Any]],
    ) -> Any:
        nothing = self._dialect.no_value
        shown = [*map(nothing, before), *columns, *map(nothing, after)]
        named = [column.label(f"value_{number}") for number, column in enumerate(shown)]
        return select(literal_column(str(kind)).label("kind"), *named)


def linked_task(rows: Sequence[Any]) -> tuple[Task | None, list[LinkedArtifact], list[ChildTask]]:
    """Return what the rows of the statement are: the task, None if there is none, its links, and its children, oldest first."""
    task, links, children = None, list[LinkedArtifact](), list[Any]()
    for row in rows:
        if row[0] == _LINK:
            link = ArtifactTask(*row[_FIRST_OF_LINK:_FIRST_OF_ARTIFACT])
            links.append(LinkedArtifact(link, Artifact(*row[_FIRST_OF_ARTIFACT:_FIRST_OF_CHILD])))
        elif row[0] == _CHILD:
            children.append(row[_FIRST_OF_CHILD:])
        else:
            task = Task(*row[1:_FIRST_OF_LINK])
    # Not with ORDER BY: to avoid sorting a few children, a planner may scan all tasks of the run in that order.
    return task, links, [ChildTask(*child[1:]) for child in sorted(children, key=lambda child: (child[0], child[1]))]
