"""The Lineal server: two doors, one pipeline, and the rules of every RPC. Nothing outside this package imports it."""

__version__ = "0.1.0"
