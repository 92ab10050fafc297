"""The Store on SQL databases. Only the server's composition root, the migrations and tests import it."""

from storage.sql.core_only import import_asyncio

import_asyncio()
