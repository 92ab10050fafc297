"""What makes two artifacts equal, so that one of them is used again."""

import json
from decimal import Decimal
from hashlib import sha256
from struct import pack
from typing import Any

from storage.documents.plain import object_of, plain_number
from storage.model import Artifact, ArtifactType

# What is written as \uXXXX within the metadata that an identity is made of, though JSON does not ask for it.
_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def identity_key(artifact: Artifact) -> str:
    """Return the digest that equal artifacts of one namespace share; the number counts for a Metric only.

    Apart from a Metric's number it is what KFP computes, so rows that KFP wrote are found.
    """
    digest = sha256(pack(">i", artifact.type))
    metadata = _identity_text(object_of(artifact.metadata) or {})
    for text in (artifact.uri or "", artifact.name, artifact.description, metadata):
        encoded = text.encode()
        digest.update(pack(">I", len(encoded)) + encoded)
    if artifact.type == ArtifactType.Metric and artifact.number_value is not None:
        # Adding 0.0 makes -0.0 the zero it is equal to.
        digest.update(pack(">d", artifact.number_value + 0.0))
    return digest.hexdigest()


def _identity_text(plain: Any) -> str:
    if isinstance(plain, dict):
        fields = (f"{_identity_text(key)}:{_identity_text(plain[key])}" for key in sorted(plain))
        return "{" + ",".join(fields) + "}"
    if isinstance(plain, list):
        return "[" + ",".join(map(_identity_text, plain)) + "]"
    if isinstance(plain, str):
        return json.dumps(plain, ensure_ascii=False).translate(_ESCAPED)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return _identity_number(float(plain))
    return json.dumps(plain)


def _identity_number(number: float) -> str:
    if isinstance(plain_number(number), int):
        return str(int(number))
    if number == 0:
        return "-0"
    if 1e-6 <= abs(number) < 1e21:
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    mantissa, _, exponent = repr(number).partition("e")
    return f"{mantissa}e{int(exponent):+d}"
