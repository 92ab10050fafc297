"""What the preflight found, for the report and for the screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrations.mlmd.preflight.completeness import ALLOW


@dataclass(slots=True)
class Preflight:
    """What is known before anything is written."""

    warnings: list[str] = field(default_factory=list)
    """What may go wrong, each as a sentence."""
    refusals: list[str] = field(default_factory=list)
    """What will go wrong, each as a sentence."""
    seconds: float | None = None
    store_bytes: int | None = None
    """How long the import may take, and by how much the store may grow; None if it is not known."""

    @classmethod
    def of_gaps(cls, gaps: Sequence[str], *, is_allowed: bool) -> "Preflight":
        """Return what there is to say of an incomplete source; `gaps` are the sentences of `find_gaps`."""
        if is_allowed:
            return cls(warnings=[f"{gap}; it is read without that" for gap in gaps])
        return cls(refusals=[f"an import would be refused without {ALLOW}: {gap}" for gap in gaps])

    def plain(self) -> dict[str, Any]:
        """Return warnings and estimates as plain JSON."""
        return {
            "warnings": self.warnings,
            "estimate": {
                "seconds": None if self.seconds is None else round(self.seconds),
                "store_bytes": self.store_bytes,
            },
        }

    def lines(self) -> Iterator[str]:
        """Yield the warnings."""
        yield from (f"warning: {warning}" for warning in self.warnings)
