"""The lineage graph: its rules, its bounds, and the API over it."""
