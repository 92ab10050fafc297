"""Reads an MLMD store in every version of its schema, as batches of whole runs. Knows nothing of Lineal's tables."""
