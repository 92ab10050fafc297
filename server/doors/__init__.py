"""The ways in: each turns what arrives into a call of the pipeline. No door has code for a particular RPC."""
