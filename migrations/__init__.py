"""How a store's schema comes to be and changes, one alembic history for every database; and the import of MLMD stores.

The server and the command line call `migrations.upgrade`, and the command line `migrations.mlmd`.
"""
