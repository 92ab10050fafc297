"""What is known of a server before it serves. The composition root makes it, `/about` shows it."""

from storage.record import record


@record
class Facts:
    """What does not change while a server runs: `store` without its password, `grpc` and `rest` as HOST:PORT."""

    version: str
    store: str
    schema: str
    grpc: str
    rest: str
