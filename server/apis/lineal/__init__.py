"""Lineal's own API, version v1: what made an artifact, what came of it, and what a page of runs needs."""
