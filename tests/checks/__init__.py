"""The checks of `make check` find what they must find."""
