"""How a store's schema comes to be and changes: one alembic history for every database.

The server and the command line call `migrations.upgrade`; nothing else in here is called from outside.
"""
