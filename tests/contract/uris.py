"""Artifacts with a uri. Called by the store's tests."""

import hashlib


def with_uri(uri: str) -> dict[str, str]:
    """What an artifact with this uri is made with: the uri and the digest it is found by."""
    return {"uri": uri, "uri_hash": hashlib.sha256(uri.encode()).hexdigest()}
