"""Which account private servers run under, and where their folders may lie. Called by the harness only.

PostgreSQL refuses to run as root, and nothing a test starts needs root: as root, servers run as `postgres` or `nobody`.
"""

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

ACCOUNTS = ("postgres", "nobody")

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 * 1024**3  # a run takes up to half a gigabyte


def servers_account() -> dict[str, Any]:
    """The arguments that make `subprocess` run a program as the servers' account; none when we are not root."""
    entry = _entry()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []} if entry else {}


def hand_over(path: Path) -> None:
    """Give a file or folder to the servers' account; nothing happens when that is ours."""
    if entry := _entry():
        os.chown(path, entry.pw_uid, entry.pw_gid)


def memory() -> Path | None:
    """Where files lie in memory, if there is room for the databases of a run; None also when TMPDIR names a place.

    A database is made and dropped there in a fifth of the time or less: a disk keeps a journal of every file made.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        return None
    return MEMORY


def temporary_folder(prefix: str, *, place: Path | None = None) -> Path:
    """A new folder which the servers' account can pass through, in the place or in the system's temporary folder.

    When root's own temporary folder is closed to others, it lies in /tmp.
    """
    place = place or Path(tempfile.gettempdir()).resolve()
    if os.geteuid() == 0 and not all(folder.stat().st_mode & stat.S_IXOTH for folder in (place, *place.parents)):
        place = Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    folder.chmod(0o711)
    return folder


def _entry() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"servers do not run as root, and none of the accounts {', '.join(ACCOUNTS)} exists")
