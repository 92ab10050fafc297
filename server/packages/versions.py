"""Pipeline versions from packages: the specification is read, and stored with or without a new pipeline."""

from server.packages.package import read_package
from server.packages.reading import read_apart
from server.rules.pipelines import VersionTexts
from storage.contract import Store, WriteTx
from storage.model import Pipeline, PipelineVersion


async def new_version(
    texts: VersionTexts, *, version_id: str, pipeline_id: str, package: bytes, tags: dict[str, str], now: int
) -> PipelineVersion:
    """Return the record of a new version; raises InvalidArgument when the package has no usable specification."""
    spec_text = await read_apart(len(package), _spec_text, package)
    return PipelineVersion(
        id=version_id,
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


def _spec_text(package: bytes) -> str:
    return read_package(package).text


async def keep_version(store: Store, version: PipelineVersion) -> None:
    """Store a new version; raises RowNotFound when its pipeline does not exist, AlreadyExists when its name is taken."""

    async def write(tx: WriteTx) -> None:
        await tx.pipelines.get(version.pipeline_id)
        await tx.pipeline_versions.create(version)

    await store.write(write)


async def keep_pipeline_and_version(store: Store, pipeline: Pipeline, version: PipelineVersion) -> None:
    """Store a new pipeline and its first version, or neither; raises AlreadyExists when the pipeline's name is taken."""

    async def write(tx: WriteTx) -> None:
        await tx.pipelines.create(pipeline)
        await tx.pipeline_versions.create(version)

    await store.write(write)
