"""The schema of a store, one alembic history for all databases; and the import of MLMD stores.

The server and the command line call `migrations.upgrade`, and the command line `migrations.mlmd`.
"""

import storage.sql  # noqa: F401 - before anything here imports SQLAlchemy; see storage.sql.core_only
