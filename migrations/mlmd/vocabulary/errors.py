"""Why a source cannot be imported, or not with these options. The command prints the text of each error, one sentence."""

from storage.errors import StorageError


class SourceRefused(StorageError):
    """The source is missing, damaged, not readable by this user, or not a store that can be imported."""


class ImportRefused(StorageError):
    """The import would damage rows of an earlier one, or has different options, and no option of the command permits this."""
