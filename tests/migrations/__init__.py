"""Creation and upgrade of a store's schema: on every database, concurrently, and after crashes."""
