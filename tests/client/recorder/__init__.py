"""Tests of the recorder: what a script writes, and what is then on the server."""
