"""Limits the number of parts in a request. The dispatcher checks it before calling a handler.

Walking a request takes long, and a part that takes two bytes on the wire takes hundreds in memory: without this limit a message
of permitted size could keep a process busy for a minute.
"""

from collections.abc import Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from server.calls.apart import apart
from server.errors import InvalidArgument

PARTS_MAX = 1_000_000
"""Maximum number of list items, map entries and messages in one request."""

_PART_BYTES = 2  # a tag and a length


async def check_parts(request: type[Message], data: bytes) -> None:
    """Raise InvalidArgument if a serialized request has more than PARTS_MAX parts.

    One that is large enough for that is counted in a helper process. Raises Unavailable if that is lost.
    """
    if len(data) > PARTS_MAX * _PART_BYTES:
        await apart(_count_parts, request, data)


def _count_parts(type: type[Message], data: bytes) -> None:
    request = type.FromString(data)
    # A stack of iterators, not of messages: creating a million protobuf wrappers that are alive at once can take 20 seconds.
    budget, iterators = PARTS_MAX, [iter((request,))]
    while iterators:
        message = next(iterators[-1], None)
        if message is None:
            iterators.pop()
            continue
        for field, value in message.ListFields():
            if field.is_repeated:
                # Counted before it is walked: a long list is the cheapest way to have many parts.
                budget = _remaining(budget, len(value))
                if _has_messages(field):
                    iterators.append(iter(value.values() if isinstance(value, Mapping) else value))
            elif field.message_type is not None:
                budget = _remaining(budget, 1)
                iterators.append(iter((value,)))


def _has_messages(field: FieldDescriptor) -> bool:
    """Return whether the items of a list, or the values of a map, are messages."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return kind.fields_by_name["value"].message_type is not None
    return kind is not None


def _remaining(budget: int, count: int) -> int:
    if count > budget:
        raise InvalidArgument(f"the request has more than {PARTS_MAX} list items, map entries and messages")
    return budget - count
