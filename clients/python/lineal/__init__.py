"""Lineal's client side: the messages of its API. Importing this package loads none of them."""

__version__ = "0.1.0"
