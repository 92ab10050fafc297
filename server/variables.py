"""Environment variables that look like settings and are none: most are misspelt. The command line warns of them."""

import re
from collections.abc import Collection, Mapping

PREFIX = "LINEAL_"

# What Kubernetes sets in every container for a service named lineal, or lineal- and more.
_OF_KUBERNETES = re.compile(
    r"LINEAL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def strange_variables(environ: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Return the variables with PREFIX that are not known, each with the known one that it resembles, if any."""
    names = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    return [_with_nearest(name, known) for name in names if not _OF_KUBERNETES.fullmatch(name)]


def _with_nearest(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # for which there is hardly ever a reason

    # By what follows the prefix, which would make all of them resemble each other.
    nearest = get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], n=1)
    return f"{name} (did you mean {PREFIX}{nearest[0]}?)" if nearest else name
