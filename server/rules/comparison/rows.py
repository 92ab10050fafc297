"""Rows of a comparison: one thing in all runs, under a name that no two things of one run share."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from server.errors import ResourceExhausted
from storage.record import record

CELLS_MAX = 250_000
"""How many cells the rows of one kind may have together."""


@record
class Cell:
    """One thing in one run. Cells are equal if their identities are; None stands for a run that does not have the thing."""

    identity: Hashable
    text: str = ""
    number: float | None = None
    ref: str = ""


@record
class Row:
    """One thing in all runs, in the order of the runs.

    Where its name is not enough, it has the name of a task; where that is not enough, iterations as [1][0]; and where these are
    not enough either, the second thing has the number 2.
    """

    name: str
    cells: Sequence[Cell | None]
    task: str = ""
    iteration: str = ""
    number: int = 0

    @property
    def key(self) -> str:
        """The name with all that qualifies it."""
        place = f"{self.task}{self.iteration}." if self.task or self.iteration else ""
        return place + self.name + (f" ({self.number})" if self.number else "")

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same."""
        first = self.cells[0]
        return any(
            (cell is None) != (first is None) or (cell and first and cell.identity != first.identity)
            for cell in self.cells
        )


@record
class Entry:
    """An artifact as one run has it: under a name, by a task, and in which iterations of this."""

    name: str
    task_name: str
    task_id: str
    iteration: int | None
    artifact_id: str
    cell: Cell


Iterations = Mapping[str, str]
"""Which iterations tasks are in, as [1][0], by their ids; "" or absent for those in none."""


def ambiguous_tasks(runs: Sequence[Sequence[Entry]]) -> set[str]:
    """Return the tasks of those entries that their names and those of their tasks do not tell apart."""
    ambiguous: set[str] = set()
    for of_name in _by_name(runs).values():
        if not (_is_distinct(of_name, _name) or _is_distinct(of_name, _with_task)):
            ambiguous.update(entry.task_id for entries in of_name for entry in entries)
    return ambiguous


def rows_of(runs: Sequence[Sequence[Entry]], iterations: Iterations) -> list[Row]:
    """Return rows by name. A name that several artifacts of a run have is qualified in all runs, as far as it needs to be.

    First by the task, then by its iteration; what is left has a number, in the order of the entries.
    """

    def with_iteration(entry: Entry) -> tuple[str, ...]:
        place = iterations.get(entry.task_id, "")
        if not place and entry.iteration is not None:
            place = f"[{entry.iteration}]"
        return entry.name, entry.task_name, place

    rows: dict[tuple[str, ...], list[Cell | None]] = {}
    for of_name in _by_name(runs).values():
        label = next((each for each in (_name, _with_task, with_iteration) if _is_distinct(of_name, each)), None)
        for number, entries in enumerate(of_name):
            for key, cell in _labelled(entries, label or with_iteration, has_number=label is None).items():
                if key not in rows:
                    _check_cells(len(rows) + 1, len(runs))
                    rows[key] = [None] * len(runs)
                rows[key][number] = cell
    return sorted((_row(key, cells) for key, cells in rows.items()), key=lambda row: row.key)


def named_rows(runs: Sequence[Mapping[str, Cell]]) -> list[Row]:
    """Return rows by name, of what has one name in all runs."""
    names = sorted({name for run in runs for name in run})
    _check_cells(len(names), len(runs))
    return [Row(name, [run.get(name) for run in runs]) for name in names]


def only_numbers(rows: Iterable[Row]) -> list[Row]:
    """Return the rows with a number in some run. What is no number is set there, but not shown."""
    shown = []
    for row in rows:
        if any(cell is not None and cell.number is not None for cell in row.cells):
            cells = [
                cell if cell is None or cell.number is not None else Cell(cell.identity, ref=cell.ref)
                for cell in row.cells
            ]
            shown.append(replace(row, cells=cells))
    return shown


Label = Callable[[Entry], tuple[str, ...]]


def _name(entry: Entry) -> tuple[str, ...]:
    return (entry.name,)


def _with_task(entry: Entry) -> tuple[str, ...]:
    return entry.name, entry.task_name


def _by_name(runs: Sequence[Sequence[Entry]]) -> dict[str, list[list[Entry]]]:
    """Return by name the entries of each run."""
    names: dict[str, list[list[Entry]]] = {}
    for number, entries in enumerate(runs):
        for entry in entries:
            names.setdefault(entry.name, [[] for _ in runs])[number].append(entry)
    return names


def _is_distinct(runs: Sequence[Sequence[Entry]], label: Label) -> bool:
    for entries in runs:
        artifacts: dict[tuple[str, ...], str] = {}
        for entry in entries:
            if artifacts.setdefault(label(entry), entry.artifact_id) != entry.artifact_id:
                return False
    return True


def _labelled(entries: Sequence[Entry], label: Label, *, has_number: bool) -> dict[tuple[str, ...], Cell]:
    cells: dict[tuple[str, ...], Cell] = {}
    seen: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for entry in entries:
        key = label(entry)
        number = seen[key].setdefault(entry.artifact_id, len(seen[key]) + 1)
        if has_number and number > 1:
            key = (*key, str(number))
        cells.setdefault(key, entry.cell)
    return cells


def _check_cells(rows: int, runs: int) -> None:
    if rows * runs > CELLS_MAX:
        raise ResourceExhausted(
            f"{runs} runs have more than {CELLS_MAX // runs} parameters, metrics or artifacts that they may have in common; "
            "compare fewer runs",
            limit=str(CELLS_MAX),
        )


def _row(key: tuple[str, ...], cells: Sequence[Cell | None]) -> Row:
    name, task, iteration, number = (*key, "", "", "")[:4]
    return Row(name, cells, task, iteration, int(number or 0))
