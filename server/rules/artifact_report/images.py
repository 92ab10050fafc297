"""The container image that a task ran in, as the specification of its run says it: found by the names of the groups around it.

A specification has megabytes, of which this needs hundreds of bytes; what is needed is kept by the specification's id, which is
its hash.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from server.rules.bounded_cache import BoundedCache
from server.rules.lineage.spec_texts import SPEC_CHARACTERS_MAX, field_of, object_in, pipeline_of
from storage.artifact_report import SpecText
from storage.contract import ReadTx
from storage.record import record

IMAGES_BYTES = 8 * 1024 * 1024
"""Maximum size of all that is kept of specifications in a process."""

_ROOT = ""
_BYTES_EACH = 150


class _Component(NamedTuple):
    """A component: the components of the tasks within it by their names, and its image."""

    tasks: Mapping[str, str]
    image: str


@record
class Images:
    """What a specification says of images; nothing if it cannot be read."""

    components: Mapping[str, _Component] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "Images":
        """Read a stored specification."""
        pipeline = pipeline_of(text)
        executors = object_in(object_in(field_of(pipeline, "deployment_spec")).get("executors"))
        all_components = {_ROOT: pipeline.get("root"), **object_in(pipeline.get("components"))}
        return cls({name: _component(object_in(each), executors) for name, each in all_components.items()})

    def of_task(self, path: Sequence[str]) -> str:
        """Return the image of a task, given the names of the groups around it, the outermost first, and its own; "" without one."""
        name: str | None = _ROOT
        for step in path:
            component = self.components.get(name) if name is not None else None
            name = None if component is None else component.tasks.get(step)
        found = self.components.get(name) if name is not None and path else None
        return "" if found is None else found.image

    @property
    def size_bytes(self) -> int:
        """Their approximate size in memory."""
        return sum(
            _BYTES_EACH
            + len(name)
            + len(each.image)
            + sum(_BYTES_EACH + len(a) + len(b) for a, b in each.tasks.items())
            for name, each in self.components.items()
        )


class SpecImages:
    """What specifications say of images, of a process."""

    def __init__(self) -> None:
        self._images: BoundedCache[Images] = BoundedCache(IMAGES_BYTES)

    async def read(self, tx: ReadTx, spec_id: str | None) -> "Images | SpecText | None":
        """Return what is kept of a specification, otherwise its text, None without one."""
        if spec_id is None:
            return None
        kept = self._images.find(spec_id)
        return kept if kept is not None else await tx.artifact_report.spec(spec_id, characters=SPEC_CHARACTERS_MAX)

    async def images(self, spec_id: str | None, read: "Images | SpecText | None") -> Images:
        """Return what a specification says, and keep it. Called after the transaction that read it."""
        if spec_id is None or read is None:
            return Images()
        if isinstance(read, Images):
            return read
        # In a thread: the largest take a twentieth of a second, and would block the event loop for every other call.
        images = Images() if read.text is None else await asyncio.to_thread(Images.of, read.text)
        self._images.keep(spec_id, images, size_bytes=_BYTES_EACH + images.size_bytes)
        return images


def _component(component: dict[str, Any], executors: dict[str, Any]) -> _Component:
    tasks = object_in(object_in(component.get("dag")).get("tasks"))
    references = {
        name: object_in(field_of(object_in(task), "component_ref")).get("name") for name, task in tasks.items()
    }
    executor = object_in(executors.get(str(field_of(component, "executor_label"))))
    image = object_in(executor.get("container")).get("image")
    return _Component(
        {name: reference for name, reference in references.items() if isinstance(reference, str)},
        image if isinstance(image, str) else "",
    )
