"""The contract of pipelines and their versions."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from storage.contract.listing import Listing, Page
from storage.model import Pipeline, PipelineVersion


class PipelineReads(Protocol):
    """Reading pipelines."""

    async def get(self, pipeline_id: str) -> Pipeline:
        """A pipeline comes with its tags. Raises RowNotFound when no pipeline has the id."""

    async def get_by_name(self, name: str, namespace: str) -> Pipeline:
        """Raises RowNotFound when no pipeline has the name."""

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Pipeline]:
        """Pipelines list by creation time, then id. Pipelines can be filtered by their tags."""


class PipelineWrites(PipelineReads, Protocol):
    """Writing pipelines."""

    async def create(self, pipeline: Pipeline) -> None:
        """A taken pipeline name raises AlreadyExists."""

    async def update(self, pipeline_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Tags that are given replace all tags of a pipeline."""

    async def delete(self, pipeline_id: str, *, with_versions: bool) -> None:
        """Deleting a pipeline that has versions raises InUse unless they are deleted with it."""


class PipelineVersionReads(Protocol):
    """Reading pipeline versions."""

    async def get(self, version_id: str) -> PipelineVersion:
        """A version comes with its specification and tags. Raises RowNotFound when no version has the id."""

    async def find_latest(self, pipeline_id: str) -> PipelineVersion | None:
        """The latest version is the one created last."""

    async def latest_of(self, pipeline_ids: Sequence[str]) -> dict[str, PipelineVersion]:
        """The latest versions of many pipelines come at once, without specifications and tags."""

    async def names(self, version_ids: Sequence[str]) -> dict[str, str]:
        """Names of unknown versions are left out."""

    async def list(self, listing: Listing, *, pipeline_id: str, with_spec: bool) -> Page[PipelineVersion]:
        """Versions list by creation time, then id. Versions can be filtered by their tags.

        Versions are listed with their specifications only when asked for.
        """


class PipelineVersionWrites(PipelineVersionReads, Protocol):
    """Writing pipeline versions."""

    async def create(self, version: PipelineVersion) -> None:
        """A version name that exists in the pipeline raises AlreadyExists."""

    async def update(self, version_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Tags that are given replace all tags of a version."""

    async def delete(self, version_id: str, *, pipeline_id: str) -> None:
        """Deleting a version of another pipeline raises RowNotFound."""
