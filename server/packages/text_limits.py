"""Limits of one text of YAML or JSON. The readers of `server.packages.documents` count with this.

The texts are untrusted. A few kilobytes of YAML can stand for any amount of memory, because an alias repeats a whole
value in a few characters, so an alias counts as much as the value it stands for.
"""

NODES_MAX = 1_000_000
"""Maximum number of keys, values and documents of one text, with its aliases expanded."""

CHARACTERS_MAX = 64 * 1024 * 1024
"""Maximum number of characters in the keys and values of one text, with its aliases expanded."""

DEPTH_MAX = 100
"""Maximum levels of nesting, as in protobuf's parsers."""

DIRECTIVES_MAX = 100
"""Maximum number of lines that start with %: libyaml compares each %TAG with all those before it."""


class UnreadableText(ValueError):
    """The text does not consist of JSON-like documents; the message says why, for the client."""


class Tally:
    """The nodes (keys, values, documents) and characters of a text read so far, with its aliases expanded."""

    __slots__ = ("characters", "nodes")

    def __init__(self) -> None:
        self.nodes = self.characters = 0

    def add(self, nodes: int, characters: int) -> None:
        """Add to the tally. Raises UnreadableText when it exceeds NODES_MAX or CHARACTERS_MAX."""
        self.nodes += nodes
        self.characters += characters
        if self.nodes > NODES_MAX:
            raise UnreadableText(f"the text has more than {NODES_MAX} keys and values")
        if self.characters > CHARACTERS_MAX:
            raise UnreadableText(f"the keys and values have more than {CHARACTERS_MAX} characters")


def nested_too_deeply() -> UnreadableText:
    """Return the error for a text with more than DEPTH_MAX levels."""
    return UnreadableText(f"the text is nested more than {DEPTH_MAX} levels deep")
