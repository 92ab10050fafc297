"""The report of an artifact: what made it, from what, when it was at the same uri in other versions, and how much has used it."""
