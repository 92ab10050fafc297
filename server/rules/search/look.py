"""Looking for what a query means: exact ids, then exact uris, then names, the newest first, within bounds of rows and time."""

import time
from collections.abc import Sequence

from server.rules.lineage.graph import ARTIFACT, EXPERIMENT, RUN, TASK
from server.rules.search.matching import Matcher, Node, Question
from server.rules.search.names import NamePosition, sources
from storage.contract import ReadTx
from storage.digests import text_digest
from storage.ids import can_be_id
from storage.record import record
from storage.search import After

ROWS_MAX = 20_000
"""How many rows a call looks through."""
SECONDS_MAX = 2.0
"""How long a call looks."""

KINDS = (RUN, TASK, ARTIFACT, EXPERIMENT)
"""What is found."""

_URI_ROWS = 200
_LAST_TIME = 2**63 - 1
_NEWEST = After(_LAST_TIME)

Position = tuple[str | int, ...]
"""Where a page ended, in texts and integers: its first part is one of the following."""
_IDS, _URIS, _NAMES = "ids", "uris", "names"

START: Position = (_IDS, 0)
"""The position before the first page."""


@record
class Found:
    """A page, and where the next one goes on; None if all has been looked through."""

    nodes: Sequence[Node]
    next: Position | None


async def look(tx: ReadTx, question: Question, position: Position, *, page_size: int) -> Found:
    """Return the next page. One that ends early has looked through as many rows, or for as long, as a call may.

    A page that has exact ids or uris has no names: who looks for these need not wait.
    """
    looking = _Looking(tx, question, position, page_size)
    return Found(looking.nodes, await looking.go_on())


class _Full(Exception):
    """The page has ended."""


class _Looking:
    """One call."""

    def __init__(self, tx: ReadTx, question: Question, position: Position, page_size: int) -> None:
        self._tx, self._reads, self._question = tx, tx.search, question
        self._matcher = Matcher(tx, question)
        self._words = self._matcher.words.words
        self._position = position
        self._page_size, self._end = page_size, time.monotonic() + SECONDS_MAX
        self._looked = 0
        self.nodes: list[Node] = []

    async def go_on(self) -> Position | None:
        """Fill the page and return where it ended, None at the end of all."""
        await self._matcher.prepare()
        try:
            if self._position[0] == _IDS:
                await self._look_at_ids(int(self._position[1]))
                self._position = (_URIS, 0, "", _LAST_TIME, "")
            if self._position[0] == _URIS:
                await self._look_at_uris(self._position)
                self._position = (_NAMES, *NamePosition(self._question.until))
                if self.nodes and self._words:
                    return self._position
            await self._look_at_names(NamePosition(*self._position[1:]))  # type: ignore[arg-type]
        except _Full:
            return self._position
        return None

    def _take(self, position: Position, node: Node | None) -> None:
        """Note a row that has been looked through. Raises _Full behind the last one of the page."""
        self._position = position
        self._looked += 1
        if node is not None:
            self.nodes.append(node)
        if len(self.nodes) == self._page_size or self._looked >= ROWS_MAX:
            raise _Full

    def _check_time(self) -> None:
        """Raise _Full if the call should not read any more; each looks through some rows at least."""
        if self._looked and time.monotonic() >= self._end:
            raise _Full

    async def _look_at_ids(self, start: int) -> None:
        ids = {kind: self._ids_of(kind) for kind in KINDS}
        rows: dict[str, dict[str, Node]] = {
            RUN: dict(await self._reads.runs_by_id(ids[RUN])),
            TASK: dict(await self._tx.lineage.tasks(ids[TASK])),
            ARTIFACT: dict(await self._tx.lineage.artifacts(ids[ARTIFACT])),
            EXPERIMENT: dict(await self._reads.experiments_by_id(ids[EXPERIMENT])),
        }
        candidates = [rows[kind][id] for kind in KINDS for id in ids[kind] if id in rows[kind]]
        found = []
        for kind in KINDS:
            of_kind = [node for node in rows[kind].values() if self._matcher.words.are_of(node)]
            fitting = await self._matcher.fitting(of_kind) if of_kind else set()
            found += [node for node in candidates if rows[kind].get(node.id) is node and node.id in fitting]
        for number, node in enumerate(found[start:], start + 1):
            self._take((_IDS, number), node)

    def _ids_of(self, kind: str) -> list[str]:
        if kind not in self._question.kinds:
            return []
        ids = dict.fromkeys(word.removeprefix(f"{kind}/") for word in self._words)
        return [id for id in ids if can_be_id(id)]

    async def _look_at_uris(self, position: Position) -> None:
        if ARTIFACT not in self._question.kinds:
            return
        _, first_word, namespace, created_at, id = position
        after = After(int(created_at), str(id))
        for number in range(int(first_word), len(self._words)):
            await self._look_at_uri(number, str(namespace), after)
            namespace, after = "", _NEWEST

    async def _look_at_uri(self, number: int, namespace: str, after: After) -> None:
        digest, only = text_digest(self._words[number]), self._question.namespace
        while True:
            found = only if only is not None else await self._reads.namespace_of_uri(digest, first=namespace)
            if found is None:
                return
            await self._look_along_uri(digest, (_URIS, number, found), after if found == namespace else _NEWEST)
            if only is not None:
                return
            # The first text after this one: no database keeps NUL.
            namespace, after = found + "\x01", _NEWEST

    async def _look_along_uri(self, digest: str, position: Position, after: After) -> None:
        namespace, words = str(position[2]), self._matcher.words
        while True:
            self._check_time()
            rows = await self._reads.artifacts_at_uri(digest, namespace, after=after, limit=_URI_ROWS)
            candidates = [row for row in rows if words.are_of(row) and not self._has_id(row)]
            fitting = await self._matcher.fitting(candidates) if candidates else set()
            for row in rows:
                is_found = row.id in fitting and row.uri == self._words[int(position[1])]
                self._take((*position, row.created_at, row.id), row if is_found else None)
            if len(rows) < _URI_ROWS:
                return
            after = After(rows[-1].created_at, rows[-1].id)

    def _has_id(self, node: Node) -> bool:
        return node.id in self._words or f"{ARTIFACT}/{node.id}" in self._words

    async def _look_at_names(self, after: NamePosition) -> None:
        rows = sources(self._tx, self._matcher, after)
        while True:
            for source in rows:
                while source.has_to_read():
                    self._check_time()
                    await source.read()
            heads = [(source, step) for source in rows if (step := source.head()) is not None]
            if not heads:
                return
            source, step = min(heads, key=lambda each: (-each[1].position.created_at, each[1].position.rank))
            source.drop()
            self._take((_NAMES, *step.position), step.found)
