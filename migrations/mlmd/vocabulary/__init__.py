"""Words that all rooms of the import share: MLMD rows and values, records, findings, errors. Imports no other room."""
