"""Definitions that all packages of the import share: MLMD rows and values, records, findings, errors. Imports none of them."""
