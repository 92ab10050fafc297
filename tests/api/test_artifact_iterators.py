"""CreateRun refuses a pipeline with an artifactIterator, as KFP does, which cannot run it; it can still be uploaded."""

from typing import Any

import pytest

from tests.api.builders import a_run, a_spec, new_run, unique
from tests.api.client import Api, code, refusal
from tests.api.service import serving
from tests.rest.uploads import upload_pipeline

pytestmark = pytest.mark.one_database


def a_pipeline(where: str, iterator: str = "artifactIterator") -> dict[str, Any]:
    """A specification whose loop is in the root, in a component that the root runs, or in one that nothing runs."""
    items = {"inputArtifact": "models"} if iterator == "artifactIterator" else {"raw": "[1]"}
    loop = {"componentRef": {"name": "comp-step"}, iterator: {"itemInput": "model", "items": items}}
    # It names itself: a walk over components must come to an end.
    inner = {"loop": loop, "again": {"componentRef": {"name": "comp-inner"}}}
    spec = a_spec(sdkVersion=unique("sdk"), components={"comp-step": {"executorLabel": "exec"}})
    if where == "root":
        spec["root"]["dag"]["tasks"] = {"loop": loop}
        return spec
    spec["components"]["comp-inner"] = {"dag": {"tasks": inner}}
    if where == "component":
        spec["root"]["dag"]["tasks"] = {"inner": {"componentRef": {"name": "comp-inner"}}}
    return spec


@pytest.mark.parametrize("where", ["root", "component"])
@pytest.mark.parametrize("is_wrapped", [False, True])
async def test_a_run_of_a_pipeline_with_an_artifact_iterator_is_refused(api: Api, where: str, is_wrapped: bool) -> None:
    spec = a_pipeline(where)
    refused = await refusal(api.CreateRun(run=a_run(pipeline_spec={"pipeline_spec": spec} if is_wrapped else spec)))
    assert (refused.code, refused.info.reason) == ("INVALID_ARGUMENT", "INVALID_PIPELINE_SPEC")
    assert refused.message == "task 'loop' has an artifactIterator, which KFP cannot run"


@pytest.mark.parametrize("where", ["root", "component"])
async def test_a_version_with_an_artifact_iterator_is_uploaded_and_not_run(
    api: Api, shared_url: str, where: str
) -> None:
    async with serving(shared_url) as addresses:
        uploaded = await upload_pipeline(addresses.rest, a_pipeline(where), name=unique("p"))
    versions = (await api.ListPipelineVersions(pipeline_id=uploaded.json["pipeline_id"])).pipeline_versions
    run = a_run(pipeline_version_id=versions[0].pipeline_version_id)
    assert await code(api.CreateRun(run=run)) == "INVALID_ARGUMENT"


async def test_what_cannot_be_reached_and_loops_over_parameters_are_run(api: Api) -> None:
    for spec in (a_pipeline("nowhere"), a_pipeline("root", "parameterIterator")):
        await new_run(api, pipeline_spec=spec)
