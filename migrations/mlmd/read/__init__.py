"""Reads an MLMD store in every version of its schema, as batches of whole runs. Does not use Lineal's tables."""
