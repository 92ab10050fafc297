"""Reads runs, experiments and pipelines from KFP's own database, or runs from a file."""
