"""The history of the demo: what happened (`pipelines`, `history`), and how it is written into a store (`recorder`)."""
