"""Imports into stores on every database: what comes out, and what interruptions, live clients and second runs do to it."""
