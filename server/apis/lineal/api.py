"""Lineal's own API, version v1, as one object for the doors."""

from importlib.resources import files

from server.api import Api
from server.apis.lineal.methods import METHODS


def _openapi() -> bytes:
    return files("server").joinpath("static", "openapi_lineal.json").read_bytes()


LINEAL = Api(name="lineal", methods=METHODS, prefixes=("/apis/lineal/v1",), openapi=_openapi)
