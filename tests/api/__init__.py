"""Every RPC over gRPC, against a real server on every kind of database.

service.py serves a store inside the test's process, client.py calls it by the names of its RPCs, builders.py makes what
tests need and do not care about, statements.py watches the SQL. conftest.py offers them as fixtures.
"""
