"""The states of runs as KFP's own database names them. The readers of the database and of a file call this."""

from storage.model import RunState, StorageState

_OLD_STATES = {
    # KFP v1's values of the column Conditions, and Argo's phases.
    "ERROR": RunState.FAILED,
    "OMITTED": RunState.SKIPPED,
    "TERMINATING": RunState.CANCELING,
    "CANCELLED": RunState.CANCELED,
    "CANCELLING": RunState.CANCELING,
}


def run_state(text: str) -> str:
    """Return the name of a run's state, "" for one that Lineal does not have."""
    word = text.strip().upper().removeprefix("RUNTIME_STATE_")
    if word in RunState.__members__ and word != "UNSPECIFIED":
        return word
    return _OLD_STATES[word].name if word in _OLD_STATES else ""


def storage_state(text: str) -> str:
    """Return the name of a storage state; everything that is not archived is available."""
    return StorageState.ARCHIVED.name if text.strip().upper().endswith("ARCHIVED") else StorageState.AVAILABLE.name
