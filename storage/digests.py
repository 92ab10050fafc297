"""Digests by which rows are looked up: a task by its identifying fields, a specification by its text, an artifact by its uri.

They are stored, so they must never change. `server/apis/kfp/codec`, `storage/sql` and the import of MLMD stores call this.
"""

from hashlib import sha256
from struct import pack


def text_digest(text: str) -> str:
    """Return the hexadecimal SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()


def spec_id(spec: str | None) -> str | None:
    """Return the id under which a specification is stored, None without one."""
    return None if spec is None else text_digest(spec)


def uri_hash(uri: str | None) -> str:
    """Return the value of the column `uri_hash` for a uri, "" without one."""
    return text_digest(uri) if uri else ""


def logical_key(
    *, run_id: str, parent_task_id: str | None, scope_path: str, name: str, type: int, iteration_index: int | None
) -> str | None:
    """Return the digest by which a repeated CreateTask finds its row; None if the task lacks an identifying field."""
    if not (run_id and scope_path and name and type):
        return None
    digest = sha256()
    for text in (run_id, parent_task_id or "", scope_path, name):
        data = text.encode()
        digest.update(pack(">I", len(data)) + data)
    digest.update(pack(">i", type))
    digest.update(b"\x00" if iteration_index is None else pack(">Bq", 1, iteration_index))
    return digest.hexdigest()
