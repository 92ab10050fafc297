"""The benchmarks work: every operation can be sent, counted and replayed, and what is measured is kept. Figures are not tested."""
