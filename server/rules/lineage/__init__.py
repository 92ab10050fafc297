"""The lineage graph: what made an artifact, and what came of it. docs/lineage.md explains its rules."""
