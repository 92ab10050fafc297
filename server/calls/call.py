"""What every handler is given in addition to its request. The composition root makes one; dispatcher and services import it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from server.config import Settings
from server.recorded_spec import RecordedSpecs
from storage.contract import Store
from storage.pages import PageTokens

caller_metadata: ContextVar[Mapping[str, str]] = ContextVar("caller_metadata", default=MappingProxyType({}))
"""What the caller sent in addition to its request: gRPC metadata, or the HTTP headers that are passed on."""


def microseconds_now() -> int:
    """Return the present time in microseconds UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Call:
    """The store, the key of page tokens, the settings, the clock (microseconds UTC), and specifications that were made."""

    store: Store
    tokens: PageTokens
    settings: Settings
    now: Callable[[], int] = microseconds_now
    recorded_specs: RecordedSpecs = field(default_factory=RecordedSpecs)


Handler = Callable[[Call, Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """What is asked over HTTP without an RPC: the fields of the path, the query, and a file where one is uploaded."""

    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    file_name: str = ""
    data: bytes = b""


PlainHandler = Callable[[Call, PlainRequest], Awaitable[Message | dict[str, Any]]]
