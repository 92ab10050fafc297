"""Messages of the v1 API, generated from the project's protos: one `*_pb2` module per proto file.

Import what is needed by name, as in `from lineal.v1 import lineage_pb2`; nothing is loaded here.
"""
