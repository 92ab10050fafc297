"""How a store's schema comes to be: on every database, with anyone beside, after any accident."""
