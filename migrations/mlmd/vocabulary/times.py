"""Times: MLMD's milliseconds become microseconds, and a fallback replaces missing ones. Readers and mapping call this."""

from migrations.mlmd.vocabulary.findings import Findings, Rule

LAST_MILLISECOND = 253_402_300_799_999
"""The end of the year 9999; clients cannot show later times."""


def is_time(milliseconds: int) -> bool:
    """Return whether a number is a time that MLMD could have written."""
    return 0 < milliseconds <= LAST_MILLISECOND


def microseconds(milliseconds: int, fallback: int, findings: Findings, subject: str) -> int:
    """Return MLMD's time in microseconds, or the fallback (microseconds) if it is missing."""
    if is_time(milliseconds):
        return milliseconds * 1000
    findings.add(Rule.TIMES_MISSING, subject)
    return fallback
