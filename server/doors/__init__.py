"""The ways in: each turns what arrives into a call of the dispatcher. No door has code for a particular RPC."""
