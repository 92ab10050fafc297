"""Why a source cannot be imported, or not as it was asked for. The command prints the one sentence of each error."""

from storage.errors import StorageError


class SourceRefused(StorageError):
    """The source is missing, damaged, closed to this user, or no store that can be imported; the text is one clear sentence."""


class ImportRefused(StorageError):
    """The import would damage rows that an earlier one wrote, or has other options, and nobody said that this is meant."""
