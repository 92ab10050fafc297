"""The meaning of an event of MLMD: whether it is an input or an output, and its key. Readers and mapping call this."""

from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import EventRow

INPUT, OUTPUT = 3, 4

_OTHER_TYPES = {
    1: ("DECLARED_OUTPUT", OUTPUT),
    2: ("DECLARED_INPUT", INPUT),
    5: ("INTERNAL_INPUT", INPUT),
    6: ("INTERNAL_OUTPUT", OUTPUT),
    7: ("PENDING_OUTPUT", OUTPUT),
}

OUTPUT_TYPES = (OUTPUT, *(number for number, (_, direction) in _OTHER_TYPES.items() if direction == OUTPUT))


def direction(event: EventRow, findings: Findings) -> int | None:
    """Return INPUT or OUTPUT; None for a type that MLMD does not have."""
    if event.type in (INPUT, OUTPUT):
        return event.type
    other = _OTHER_TYPES.get(event.type)
    if other is None:
        findings.add(Rule.EVENTS_OF_UNKNOWN_TYPE, f"event {event.id}", kind=str(event.type))
        return None
    findings.add(Rule.EVENTS_OF_OTHER_TYPES, f"event {event.id}", kind=other[0])
    return other[1]


def key_of(event: EventRow) -> str:
    """Return the first key in an event's path, otherwise its first index as text, or "" without either."""
    keys = [step for step in event.steps if isinstance(step, str) and step]
    return keys[0] if keys else next((str(step) for step in event.steps if isinstance(step, int)), "")
