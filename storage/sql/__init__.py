"""The Store on SQL databases. Only the server's composition root, the migrations and tests import it."""
