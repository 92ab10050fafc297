"""`python -m tests.pages` makes sure that there is a browser, installing it where it may.

`make test` runs it first, so that no test waits for an installation.
"""

import sys

from tests.pages.browser import BrowserMissing, require_chromium

try:
    require_chromium()
except BrowserMissing as error:
    sys.exit(str(error))
