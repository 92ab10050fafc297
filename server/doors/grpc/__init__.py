"""The gRPC door: generic handlers built from the descriptors, with reflection."""
