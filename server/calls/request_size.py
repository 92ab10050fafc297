"""How many parts a request may be made of. The dispatcher checks it before calling a handler.

Walking a request blocks the event loop for every other call, and a part that takes two bytes on the wire takes hundreds in
memory: without this limit a message of permitted size could block the server for a minute.
"""

from collections.abc import Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from server.errors import InvalidArgument

PARTS_MAX = 1_000_000
"""Maximum number of list items, map entries and messages in one request."""

_PART_BYTES = 2  # a tag and a length


def check_parts(request: Message, size_bytes: int) -> None:
    """Raise InvalidArgument when a request of so many bytes on the wire has more than PARTS_MAX parts."""
    if size_bytes <= PARTS_MAX * _PART_BYTES:
        return
    # A stack of iterators, not of messages: a million of protobuf's wrappers alive at once can take it 20 seconds to make.
    budget, iterators = PARTS_MAX, [iter((request,))]
    while iterators:
        message = next(iterators[-1], None)
        if message is None:
            iterators.pop()
            continue
        for field, value in message.ListFields():
            if field.is_repeated:
                # Counted before they are walked: a long list is the cheapest way to have many parts.
                budget = _taken(budget, len(value))
                if _has_messages(field):
                    iterators.append(iter(value.values() if isinstance(value, Mapping) else value))
            elif field.message_type is not None:
                budget = _taken(budget, 1)
                iterators.append(iter((value,)))


def _has_messages(field: FieldDescriptor) -> bool:
    """Say whether the items of a list, or the values of a map, are messages."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return kind.fields_by_name["value"].message_type is not None
    return kind is not None


def _taken(parts: int, count: int) -> int:
    if count > parts:
        raise InvalidArgument(f"the request has more than {PARTS_MAX} list items, map entries and messages")
    return parts - count
