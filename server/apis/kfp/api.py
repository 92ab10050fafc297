"""KFP's API, version v2beta1, as one object for the doors."""

from importlib.resources import files

from server.api import Api
from server.apis.kfp.methods import METHODS
from server.apis.kfp.services import CLEAR_TAGS
from server.apis.uploads import upload_routes
from server.late import Late

_PREFIX = "/apis/v2beta1"
_UPLOADS = "server.apis.kfp.services.uploads"


def _openapi() -> bytes:
    return files("server").joinpath("static", "openapi.json").read_bytes()


KFP = Api(
    name="kfp",
    methods=METHODS,
    routes=upload_routes(
        _PREFIX,
        "Upload",
        pipeline=Late(f"{_UPLOADS}:upload_pipeline"),
        version=Late(f"{_UPLOADS}:upload_pipeline_version"),
    ),
    prefixes=(_PREFIX,),
    headers=(CLEAR_TAGS,),
    openapi=_openapi,
)
