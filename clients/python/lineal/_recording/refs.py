"""Artifacts that were recorded, and whose ids the server has not told yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineal.errors import LinealError

if TYPE_CHECKING:
    from lineal._recording.recording import Recording


class ArtifactRef:
    """An artifact that was recorded: it can be linked at once, and has an id when the server has answered.

    `known_id` is that id, None as long as it is not known; `error` is why the server refused the artifact. The rest is for the
    writer: `number` names it in spool files, `expected_id` is the id it has unless the server knows an equal artifact already.
    """

    __slots__ = (
        "__weakref__",
        "_recording",
        "error",
        "expected_id",
        "known_id",
        "last_step",
        "number",
        "points",
        "process_id",
        "task_id",
    )

    def __init__(self, recording: Recording, number: int, task_id: str, process_id: int) -> None:
        self._recording = recording
        self.number, self.task_id, self.process_id = number, task_id, process_id
        self.known_id: str | None = None
        self.error: LinealError | None = None
        self.expected_id = ""
        self.points, self.last_step = 0, -1

    @property
    def id(self) -> str:
        """The server's id; waits for the server if it is not known.

        Raises the error with which the artifact was refused, Unavailable if the server does not answer within the client's timeout.
        """
        if self.known_id is None:
            self._recording.wait_for(self, timeout_seconds=self._recording.settings.timeout_seconds)
        assert self.known_id is not None
        return self.known_id

    def __repr__(self) -> str:
        """Return the id, if it is known."""
        return f"<artifact {self.known_id or 'without an id yet'}>"
