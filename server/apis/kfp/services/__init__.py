"""What each RPC does: one function per RPC, named as the RPC, in the file of its service. `methods` lists them."""

CLEAR_TAGS = "x-clear-tags"
"""Metadata that tells an empty map of tags from an absent one, which protobuf cannot."""
