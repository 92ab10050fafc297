"""What the recorder is built on: changes are taken at once, kept in a file, coalesced, and sent in the background.

`Recording` takes the changes; it knows nothing of what runs, loops and steps mean. The recorder and `lineal sync` use this package.
"""

from lineal._recording.counters import Counters as Counters
from lineal._recording.counters import Rejection as Rejection
from lineal._recording.keys import id_of as id_of
from lineal._recording.keys import new_key as new_key
from lineal._recording.options import Options as Options
from lineal._recording.recording import Recording as Recording
from lineal._recording.refs import ArtifactRef as ArtifactRef

__all__ = ("ArtifactRef", "Counters", "Options", "Recording", "Rejection", "id_of", "new_key")
