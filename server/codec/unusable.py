"""What a client sent that cannot be kept.

The modules of the codec raise it; services answer INVALID_ARGUMENT with its text.
"""


class UnusableValue(ValueError):
    """Something in a request that cannot be stored; its text is made for the client and names the field."""


def check_text(field: str, text: str) -> None:
    """Raise UnusableValue when the text contains NUL, which PostgreSQL cannot store in text."""
    if "\x00" in text:
        raise UnusableValue(f"{field} contains a NUL character")
