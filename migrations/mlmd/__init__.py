"""Import of MLMD stores: from the tables of ML Metadata, in every version of its schema, into Lineal's records.

The commands are importer, dry_run, verify and undo. They use five packages, each of which imports only those below it:

    write/        records → rows of a Lineal store: batches in transactions, the ledger of what was written, what may change
    kfp/          KFP's own database, or a file of runs, if one is given
    read/         tables of an MLMD store → batches of whole runs      open_store(url): raises SourceRefused
    mapping/      rows of a run → records of Lineal, pure rules        map_run(rows, Options(store_id=…)) → RunRecords
    vocabulary/   what all of them share: rows, values, records, findings, errors

Findings of the survey, of each batch and of each run's records add up to the report: every rule with its sentence, a count per
kind, and some cases by name. Findings about an artifact are counted in the run it comes from.

Promises. The same rows give the same records, ids included. Every run is one unit: parents come before their children, and all
artifacts that its links name are among its records, so that runs may be loaded one by one in any order. Records of an artifact
that several runs use are equal in all of them. Links name tasks of their own run only. A run whose experiment is unknown has the
experiment id "".

Memory: one batch (EXECUTIONS_PER_BATCH executions, or one larger run) and sixteen bytes per execution of the store
(read/run_index). A batch costs a fixed number of statements, and one more of a kind per 5,000 ids.
"""
