"""Why a source cannot be imported. The reader raises it, the command prints its one sentence."""

from storage.errors import StorageError


class SourceRefused(StorageError):
    """The source is missing, damaged, closed to this user, or no store that can be imported; the text is one clear sentence."""
