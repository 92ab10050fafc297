"""Which kinds of database the suite runs on, and which of them the developer chose with DB=. Called by the fixtures."""

import os
from collections.abc import Mapping

KINDS = ("sqlite", "postgresql", "mysql")
"""Every kind, in the order tests run; `mysql` is served by MariaDB."""

CHOICE_VARIABLE = "DB"


class UnknownKind(ValueError):
    """A name that is not a kind of database."""


def chosen_kinds(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The kinds named by DB= (a comma list), or all of them when it is unset or empty.

    Raises UnknownKind for a name that is none of KINDS: a typing error must not shrink the suite.
    """
    wanted = [name.strip() for name in environment.get(CHOICE_VARIABLE, "").split(",") if name.strip()]
    unknown = sorted(set(wanted) - set(KINDS))
    if unknown:
        raise UnknownKind(f"{CHOICE_VARIABLE} names {', '.join(unknown)}; known are {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if not wanted or kind in wanted)
