"""`python -m server` is `lineal-server`."""

from server.cli import main

main()
