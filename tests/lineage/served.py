"""A server on a store of its own, asked over gRPC, over REST, and filled past both. Tests call this."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from google.protobuf import json_format

from storage.sql.store import SqlStore
from tests.api.client import Api
from tests.api.service import serving
from tests.rest.client import ask

PREFIX = "/apis/lineal/v1"


@dataclass(frozen=True)
class Served:
    """What a test needs of a server."""

    api: Api
    rest: str
    store: SqlStore

    async def both(self, name: str, path: str, **fields: Any) -> Any:
        """The answer to a call, which is the same over gRPC and over REST."""
        answer = await getattr(self.api, name)(**fields)
        over_http = await ask(self.rest, "GET", f"{PREFIX}{path}?{urlencode(fields, doseq=True)}")
        assert over_http.status == 200, over_http.body
        assert json_format.ParseDict(over_http.json, type(answer)()) == answer
        return answer


@asynccontextmanager
async def served_on(url: str, **settings: Any) -> AsyncIterator[Served]:
    """A server and its clients, until the block ends."""
    store = SqlStore(url)
    async with serving(url, **settings) as addresses:
        api = Api(addresses.grpc)
        yield Served(api, addresses.rest, store)
        await api.channel.close()
    await store.close()
