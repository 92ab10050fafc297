"""A pipeline specification made from the tasks of a run that has none, so that KFP's UI can draw what was recorded.

Pure functions from outlines of tasks and links to plain JSON. `tree` arranges the tasks, `flow` adds what passes between
them, `document` writes the specification: `make_spec`, which `sources` imports when it is first needed. The specification is
shown and never stored.
"""

from server.recorded_spec.cache import RecordedSpec, RecordedSpecs
from server.recorded_spec.recording import LINKS_MAX, SDK_VERSION, TASKS_MAX, Recording

__all__ = ["LINKS_MAX", "SDK_VERSION", "TASKS_MAX", "RecordedSpec", "RecordedSpecs", "Recording"]
