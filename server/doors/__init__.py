"""The gRPC door and the REST door: each turns requests into calls of the dispatcher, without code for a particular RPC."""
