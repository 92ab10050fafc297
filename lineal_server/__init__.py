"""Lineal as it is installed: one package, whose folder `app` holds the packages that a checkout has beside this one.

Nothing in it is for others to import. Programs talk to the server, with the messages of the package `lineal`.
"""
