"""Compiled pipelines as files: archives, YAML, package URLs, and the pipeline specification that they contain."""
