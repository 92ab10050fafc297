"""`python -m tests.wheel` installs what Lineal depends on for every CPython of this machine, where it is not installed yet.

`make test` runs it first, so that no test waits for an installation.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.wheel.environments import InstallationFailed, dependencies
from tests.wheel.interpreters import interpreters

with ThreadPoolExecutor() as threads:
    try:
        list(threads.map(dependencies, interpreters().values()))
    except InstallationFailed as error:
        sys.exit(str(error))
