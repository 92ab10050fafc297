"""The Python client: what it sends, what it makes of answers, and what it does when there are none."""
