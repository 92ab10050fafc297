"""Uploads of compiled pipelines as multipart files, for tests of what is done with them."""

import json
from typing import Any
from urllib.parse import urlencode

from tests.api.builders import a_spec, unique
from tests.api.client import Api
from tests.rest.client import Answer, ask

PIPELINES = "/apis/v2beta1/pipelines"


async def upload_pipeline(rest: str, spec: dict[str, Any], **query: str) -> Answer:
    """Upload a specification as a new pipeline."""
    return await _upload(rest, f"{PIPELINES}/upload", spec, query)


async def upload_version(rest: str, spec: dict[str, Any], **query: str) -> Answer:
    """Upload a specification as a version of the pipeline `pipelineid`."""
    return await _upload(rest, f"{PIPELINES}/upload_version", spec, query)


async def new_version(api: Api, rest: str) -> dict[str, str]:
    """Upload a pipeline and return what names its version."""
    pipeline_id = (await upload_pipeline(rest, a_spec(), name=unique("p"))).json["pipeline_id"]
    [version] = (await api.ListPipelineVersions(pipeline_id=pipeline_id)).pipeline_versions
    return {"pipeline_id": pipeline_id, "pipeline_version_id": version.pipeline_version_id}


async def _upload(rest: str, path: str, spec: dict[str, Any], query: dict[str, str]) -> Answer:
    head = 'Content-Disposition: form-data; name="uploadfile"; filename="p.json"'
    body = f"--b\r\n{head}\r\n\r\n{json.dumps(spec)}\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    return await ask(rest, "POST", f"{path}?{urlencode(query)}", text=body, Content_Type=kind)
