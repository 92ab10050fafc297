"""What KFP's own database, or a file of runs, knows of runs, experiments and pipelines."""
