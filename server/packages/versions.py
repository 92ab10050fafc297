"""A package becomes a pipeline version: its specification is read, and kept with or without a new pipeline."""

import asyncio

from server.packages.package import read_package
from server.rules.pipelines import VersionTexts
from storage.contract import Store, WriteTx
from storage.ids import new_id
from storage.model import Pipeline, PipelineVersion


async def new_version(
    texts: VersionTexts, *, pipeline_id: str, package: bytes, tags: dict[str, str], now: int
) -> PipelineVersion:
    """Return the record of a new version; raises InvalidArgument when the package holds no usable specification."""
    # Hostile text can cost seconds, which other calls must not wait for.
    spec_text = (await asyncio.to_thread(read_package, package)).text
    return PipelineVersion(
        id=new_id(),
        pipeline_id=pipeline_id,
        name=texts.name or texts.display_name,
        display_name=texts.display_name or texts.name,
        description=texts.description,
        package_url=texts.package_url,
        code_source_url=texts.code_source_url,
        created_at=now,
        pipeline_spec=spec_text,
        tags=tags,
    )


async def keep_version(store: Store, version: PipelineVersion) -> None:
    """Keep a new version; raises RowNotFound when its pipeline is gone, AlreadyExists when its name is taken."""

    async def write(tx: WriteTx) -> None:
        await tx.pipelines.get(version.pipeline_id)
        await tx.pipeline_versions.create(version)

    await store.write(write)


async def keep_pipeline_and_version(store: Store, pipeline: Pipeline, version: PipelineVersion) -> None:
    """Keep a new pipeline and its first version, both or none; raises AlreadyExists when the name is taken."""

    async def write(tx: WriteTx) -> None:
        await tx.pipelines.create(pipeline)
        await tx.pipeline_versions.create(version)

    await store.write(write)
