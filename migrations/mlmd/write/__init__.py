"""Brings records into a Lineal store within transactions, notes what was written, and plans what may change."""
