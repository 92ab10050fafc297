"""Writes records into a Lineal store batch by batch: rows, their fates, and the ledger of imported rows.

The path of a batch: run_rows (records become rows) → batch (one transaction) → runs → run_fates, run_plan, kept_ids and plan (what
is to be done; reads only) → ledger (writes) → tally → job (the import's progress). plan asks expected and merge how rows should be
that only gain, and prune how rows should be that follow the source. After the last batch, census counts what no batch has met.
"""
