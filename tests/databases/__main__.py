"""`python -m tests.databases` makes sure that the chosen databases can be started, installing them where it may.

`make test` runs it first, so that no test waits for an installation.
"""

import os
import sys

from tests.databases.kinds import UnknownKind, chosen_kinds
from tests.databases.programs import PROGRAMS, VARIABLES, DatabaseMissing, require_programs

try:
    for kind in chosen_kinds():
        if kind in PROGRAMS and not os.environ.get(VARIABLES[kind]):
            require_programs(kind)
except (DatabaseMissing, UnknownKind) as error:
    sys.exit(str(error))
