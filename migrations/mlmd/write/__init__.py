"""Writes records into a Lineal store batch by batch: rows, what becomes of them, and the ledger of what was written.

The path of a batch: run_rows (records become rows) → batch (one transaction) → runs → run_fates, run_plan and plan (what is to
be done; reads only) → ledger (writes) → tally → job (how far the import has come).
"""
