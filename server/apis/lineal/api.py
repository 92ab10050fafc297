"""Lineal's own API, version v1, as one object for the doors."""

from server.api import Api
from server.apis.lineal.methods import METHODS

LINEAL = Api(name="lineal", methods=METHODS, prefixes=("/apis/lineal/v1",))
