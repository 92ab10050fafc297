"""Import of MLMD stores: from the tables of ML Metadata, in every version of its schema, into Lineal's records.

The commands stand at the door: importer, dry_run, verify, undo. They go through five rooms, each of which imports only those
behind it:

    write/        records → rows of a Lineal store: batches in transactions, the ledger of what was written, what may change
    kfp/          KFP's own database, or a file of runs, where one is at hand
    read/         tables of an MLMD store → batches of whole runs      open_store(url): raises SourceRefused, one clear sentence
    mapping/      rows of a run → records of Lineal, pure rules        map_run(rows, Options(store_id=…)) → RunRecords
    vocabulary/   the words that all of them share: rows, values, records, findings, errors

Findings of the survey, of each batch and of each run's records add up to the report: every rule once, with its sentence, a
count for each kind, and some cases by name. Each artifact's own findings are counted in the run it comes from.

Promises. The same rows give the same records, ids included. Every run is one unit: parents come before their children, and all
artifacts that its links name are among its records, so that runs may be loaded one by one in any order. Records of an artifact
that several runs use are equal in all of them. Links name tasks of their own run only. A run whose experiment nobody knows has
the experiment id "".

Memory: one batch – EXECUTIONS_PER_BATCH executions, or one larger run – and sixteen bytes for each execution of the store
(read/run_index). A batch costs a fixed number of statements, one more of a kind for every 5,000 ids.
"""
