"""Comparing runs: reading what they are compared by, a bounded number of statements and links."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from server.errors import ResourceExhausted
from server.rules import checks
from server.rules.comparison.parts import Artifacts, artifacts_of, parameters_of
from server.rules.comparison.rows import Cell, Entry, Row, ambiguous_tasks, named_rows, only_numbers, rows_of
from storage.comparison import ComparedLink, TaskPlace
from storage.contract import ReadTx
from storage.documents.tasks import TypeAttributes
from storage.errors import TooManyRows
from storage.ids import possible_ids
from storage.lineage import RunNode
from storage.record import record
from storage.slices import in_slices

LINKS_MAX = 200_000
"""How many links between tasks and artifacts compared runs may have together."""
SETTINGS_CHARACTERS = 32 * 1024 * 1024
"""How long what compared runs were started with may be together, in characters."""
ALL_RUNS_MAX = 20
"""Of how many runs all is compared; of more, only numbers are."""

_LINKS_AT_ONCE = 20_000
_COUNTED_AT_ONCE = 8
_PLACES_AT_ONCE = 1_000
_DEPTH_MAX = 100


@record
class Asked:
    """Which runs are compared. `namespace` is the only one that the caller may see, None for all.

    More links than `links_here` raise TooManyRows, and what runs were started with is told to `check_size`, in characters.
    """

    run_ids: Sequence[str]
    namespace: str | None
    links_here: int | None
    check_size: Callable[[int], None]


@record
class Comparison:
    """The runs, and rows with one cell for each of them."""

    runs: Sequence[RunNode]
    params: Sequence[Row]
    metrics: Sequence[Row]
    inputs: Sequence[Row]
    outputs: Sequence[Row]


async def compare(tx: ReadTx, asked: Asked) -> Comparison:
    """Return what is equal and what differs in runs. Raises NotFound for the first run that the caller may not see.

    Raises ResourceExhausted if they have more than can be compared at once.
    """
    found = await tx.search.runs_by_id(asked.run_ids)
    for run_id in asked.run_ids:
        if run_id not in found or asked.namespace not in (None, found[run_id].namespace):
            raise checks.not_found("run", run_id)
    is_whole = len(asked.run_ids) <= ALL_RUNS_MAX
    params = await _read_parameters(tx, asked)
    artifacts = await _read_artifacts(tx, asked, is_whole=is_whole)
    return Comparison(
        runs=[found[run_id] for run_id in asked.run_ids],
        params=params if is_whole else only_numbers(params),
        metrics=await _rows(tx, [each.metrics for each in artifacts]),
        inputs=await _rows(tx, [each.inputs for each in artifacts]) if is_whole else (),
        outputs=await _rows(tx, [each.outputs for each in artifacts]) if is_whole else (),
    )


async def _read_parameters(tx: ReadTx, asked: Asked) -> list[Row]:
    reads, run_ids = tx.comparison, asked.run_ids
    sizes = await reads.settings_sizes(run_ids)
    roots = {each.run_id: each for each in reversed(await reads.root_tasks(run_ids))}
    size = sum(sizes.values()) + sum(root.characters for root in roots.values())
    if size > SETTINGS_CHARACTERS:
        raise ResourceExhausted(
            f"the parameters of these runs have {size} characters, the limit is {SETTINGS_CHARACTERS}; compare fewer runs",
            limit=str(SETTINGS_CHARACTERS),
        )
    asked.check_size(size)
    configs = await reads.settings(run_ids)
    inputs = await reads.inputs_of_tasks([root.id for root in roots.values()])
    runs: list[Mapping[str, Cell]] = []

    def add(run_id: str) -> None:
        root = roots.get(run_id)
        runs.append(parameters_of(configs.get(run_id), inputs.get(root.id) if root is not None else None))

    await in_slices(run_ids, add)
    return named_rows(runs)


async def _read_artifacts(tx: ReadTx, asked: Asked, *, is_whole: bool) -> list[Artifacts]:
    counts = await _count_links(tx, asked)
    found: dict[str, Artifacts] = {}
    for run_ids in _portions(asked.run_ids, counts):
        links: dict[str, list[ComparedLink]] = defaultdict(list)
        for each in await tx.comparison.links(run_ids, only_metrics=not is_whole):
            links[each.link.run_id].append(each)

        def add(run_id: str, links: Mapping[str, list[ComparedLink]] = links) -> None:
            found[run_id] = artifacts_of(links.get(run_id, ()), asked.namespace)

        await in_slices(run_ids, add)
    return [found.get(run_id, Artifacts()) for run_id in asked.run_ids]


async def _count_links(tx: ReadTx, asked: Asked) -> dict[str, int]:
    """Return how many links runs have. Counting ends where they are found to be too many."""
    counts: dict[str, int] = {}
    total = 0
    for start in range(0, len(asked.run_ids), _COUNTED_AT_ONCE):
        run_ids = asked.run_ids[start : start + _COUNTED_AT_ONCE]
        counts |= await tx.comparison.count_links(run_ids, limit=LINKS_MAX - total + 1)
        total = sum(counts.values())
        if total > LINKS_MAX:
            raise ResourceExhausted(
                f"these runs have more than {LINKS_MAX} links between tasks and artifacts; compare fewer runs",
                limit=str(LINKS_MAX),
            )
        if asked.links_here is not None and total > asked.links_here:
            raise TooManyRows
    return counts


def _portions(run_ids: Sequence[str], counts: Mapping[str, int]) -> list[list[str]]:
    """Return the runs with links, in portions whose links are read at once."""
    portions: list[list[str]] = []
    room = 0
    for run_id in run_ids:
        count = counts.get(run_id, 0)
        if not count:
            continue
        if count > room:
            portions.append([])
            room = _LINKS_AT_ONCE
        portions[-1].append(run_id)
        room -= count
    return portions


async def _rows(tx: ReadTx, runs: Sequence[Sequence[Entry]]) -> list[Row]:
    ambiguous = ambiguous_tasks(runs)
    return rows_of(runs, await _iterations(tx, ambiguous) if ambiguous else {})


async def _iterations(tx: ReadTx, task_ids: set[str]) -> dict[str, str]:
    """Return in which iterations tasks are, the outermost first, as [1][0]."""
    places: dict[str, TaskPlace] = {}
    wanted = sorted(task_ids)
    for _ in range(_DEPTH_MAX):
        for start in range(0, len(wanted), _PLACES_AT_ONCE):
            found = await tx.comparison.places(wanted[start : start + _PLACES_AT_ONCE])
            places |= {place.id: place for place in found}
        parents = {places[id].parent_task_id or "" for id in wanted if id in places}
        wanted = possible_ids(sorted(parents - places.keys()))
        if not wanted:
            break
    indexes = {id: _index(place) for id, place in places.items()}
    return {id: "".join(reversed([indexes[above] for above in _branch(id, places)])) for id in task_ids}


def _index(place: TaskPlace) -> str:
    attributes = TypeAttributes.from_text(place.type_attributes)
    return f"[{attributes.iteration_index}]" if attributes and attributes.iteration_index is not None else ""


def _branch(task_id: str, places: Mapping[str, TaskPlace]) -> list[str]:
    """Return a task and those above it, each once."""
    branch: dict[str, None] = {}
    above: str | None = task_id
    while above is not None and above in places and above not in branch:
        branch[above] = None
        above = places[above].parent_task_id
    return list(branch)
