"""`python -m tests.wheel` installs what Lineal depends on for every CPython of this machine, where it is not installed yet, and
downloads what the quickstart installs.

`make test` runs it first, so that no test waits for an installation.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.wheel.environments import InstallationFailed, client_dependencies, dependencies, wheels_with_extras
from tests.wheel.interpreters import OLDEST_OF_CLIENT, interpreters

of_client = interpreters(OLDEST_OF_CLIENT).values()
with ThreadPoolExecutor() as threads:
    try:
        list(threads.map(dependencies, interpreters().values()))
        for versions in ("newest", "lowest"):
            list(threads.map(client_dependencies, of_client, [versions] * len(of_client)))
        wheels_with_extras()
    except InstallationFailed as error:
        sys.exit(str(error))
