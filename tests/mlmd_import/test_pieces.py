"""A plan is cut into pieces: after whole runs, and within a run only where nothing depends on what comes later."""

from collections.abc import Mapping

from migrations.mlmd.write.changes import Changes, changes_of
from migrations.mlmd.write.pieces import Pieces, Plan
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.tally import Outcome, Tally

OLD, NEW = 1, 2


def rows(kind: Kind, owners: Mapping[str, str]) -> dict[str, Row]:
    """Rows by id, each with its run."""
    names = SHAPES[kind].names
    return {
        id: tuple(id if name == "id" else run_id if name == "run_id" else None for name in names)
        for id, run_id in owners.items()
    }


def created(kind: Kind, owners: Mapping[str, str]) -> Changes:
    """New rows."""
    return changes_of(kind, rows(kind, owners), dict.fromkeys(owners, NEW))


def changed(kind: Kind, owners: Mapping[str, str], removed: Mapping[str, str]) -> Changes:
    """Rows that the source has changed, and rows that it has lost."""
    stored = rows(kind, {**owners, **removed})
    digests = dict.fromkeys(stored, OLD)
    return changes_of(kind, rows(kind, owners), dict.fromkeys(owners, NEW), digests, digests, stored)


def taken(plan: Plan, limit: int) -> list[list[tuple[Kind, list[str]]]]:
    """The ids of all pieces."""
    pieces, found = Pieces(plan), []
    while pieces:
        before = len(pieces)
        piece = pieces.take(limit)
        found.append([(one.kind, [*one.removals, *one.updates, *one.new_rows]) for one in piece])
        counted = sum(len(ids) for one in piece for ids in one.outcomes.values())
        assert before - len(pieces) == sum(len(ids) for _, ids in found[-1]) == counted
    return found


RUNS = {f"run{number}": f"run{number}" for number in range(3)}
PLACES = {**{id: place for place, id in enumerate(RUNS)}, "a0": 0, "a2": 2}


def test_a_run_is_written_as_a_whole_with_what_its_links_refer_to() -> None:
    changes = [
        created(Kind.ARTIFACT, {"a0": "", "a2": ""}),
        created(Kind.RUN, RUNS),
        created(Kind.TASK, {"t0": "run0", "t1": "run1", "t2": "run2"}),
        created(Kind.LINK, {"l2": "run2", "l0": "run0"}),
    ]
    first = [(Kind.ARTIFACT, ["a0"]), (Kind.RUN, ["run0"]), (Kind.TASK, ["t0"]), (Kind.LINK, ["l0"])]
    second = [(Kind.RUN, ["run1"]), (Kind.TASK, ["t1"])]
    third = [(Kind.ARTIFACT, ["a2"]), (Kind.RUN, ["run2"]), (Kind.TASK, ["t2"]), (Kind.LINK, ["l2"])]
    assert taken(Plan(changes, Tally(), PLACES), 5) == [first, second, third]
    assert len(taken(Plan(changes, Tally(), PLACES), 100)) == 1


def test_a_run_with_more_rows_than_a_piece_is_cut_parents_first() -> None:
    tasks = {f"t{number}": "run0" for number in range(5)}
    changes = [created(Kind.RUN, {"run0": "run0"}), created(Kind.TASK, tasks), created(Kind.LINK, {"l": "run0"})]
    assert taken(Plan(changes, Tally(), PLACES), 3) == [
        [(Kind.RUN, ["run0"]), (Kind.TASK, ["t0", "t1"])],
        [(Kind.TASK, ["t2", "t3", "t4"])],
        [(Kind.LINK, ["l"])],
    ]


def test_tasks_are_written_after_the_tasks_that_they_are_within() -> None:
    place = SHAPES[Kind.TASK].names.index("parent_task_id")
    parents = {"t0": "t2", "t1": None, "t2": "t3", "t3": "another", "t4": "t1", "t5": "t6", "t6": "t5"}
    tasks = {
        id: (*row[:place], parents[id], *row[place + 1 :])
        for id, row in rows(Kind.TASK, dict.fromkeys(parents, "run0")).items()
    }
    changes = changes_of(Kind.TASK, tasks, dict.fromkeys(tasks, NEW))
    pieces = taken(Plan([changes], Tally(), PLACES), 1)
    assert [ids for [(_, ids)] in pieces] == [["t3"], ["t2"], ["t0"], ["t1"], ["t4"], ["t6"], ["t5"]]


def test_keys_that_move_between_the_tasks_of_a_run_move_in_one_piece() -> None:
    tasks = {f"t{number}": "run0" for number in range(5)}
    plan = Plan([changed(Kind.TASK, tasks, {}), created(Kind.LINK, {"l": "run0"})], Tally(), PLACES)
    assert taken(plan, 2) == [[(Kind.TASK, list(tasks))], [(Kind.LINK, ["l"])]]


def test_what_is_removed_is_removed_before_what_it_refers_to() -> None:
    tasks, links = changed(Kind.TASK, {"t0": "run0"}, {"t1": "run0"}), changed(Kind.LINK, {}, {"l0": "run0"})
    pieces = taken(Plan([tasks, links], Tally(), PLACES), 1)
    assert pieces == [[(Kind.LINK, ["l0"])], [(Kind.TASK, ["t1"])], [(Kind.TASK, ["t0"])]]


def test_outcomes_of_rows_that_are_not_written_belong_to_no_piece() -> None:
    digests = {"run0": OLD, "run1": OLD}
    runs = changes_of(Kind.RUN, rows(Kind.RUN, RUNS), dict.fromkeys(RUNS, NEW), digests, {"run0": OLD, "run1": NEW})
    assert Outcome.CHANGED_HERE in runs.outcomes
    assert taken(Plan([runs], Tally(), PLACES), 10) == [[(Kind.RUN, ["run0", "run2"])]]
    assert not Pieces(Plan([], Tally()))
