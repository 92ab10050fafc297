"""The history of the schema, one step per file; a released step is never changed."""
