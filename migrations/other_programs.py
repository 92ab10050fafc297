"""Whose database it is that has no schema of Lineal's: those of MLMD and of KFP are easily given by mistake. `upgrade` asks.

Only names are looked at, in lower case, as some servers fold them. MLMD's are those of its first schema and of all later ones;
KFP's are of its API server, which has tables with names that Lineal uses as well.
"""

import enum
from collections.abc import Collection

_MLMD = frozenset({"type", "artifact", "execution", "event"})
_KFP = frozenset({"run_details", "experiments"})


class OtherProgram(enum.Enum):
    """A program whose database was given as the store: what it is, and what to do."""

    MLMD = (
        "the database is an MLMD store, and Lineal writes nothing into it: give Lineal a database of its own, and copy the "
        "history into that with `lineal-server import-mlmd`"
    )
    KFP = (
        "the database belongs to the API server of Kubeflow Pipelines, and Lineal writes nothing into it: give Lineal a "
        "database of its own; `--kfp-db` of `lineal-server import-mlmd` reads this one"
    )


def owner_of(tables: Collection[str]) -> OtherProgram | None:
    """Return the program whose tables these are, None if none of these programs has them."""
    names = {name.lower() for name in tables}
    if names >= _MLMD:
        return OtherProgram.MLMD
    return OtherProgram.KFP if names >= _KFP else None
