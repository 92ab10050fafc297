"""Compiled pipelines as files: archives, YAML, URLs, and which pipeline specification is in them."""
