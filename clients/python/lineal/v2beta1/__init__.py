"""Messages of the v2beta1 API, generated from the project's protos: one `*_pb2` module per proto file.

Import what is needed by name, as in `from lineal.v2beta1 import run_pb2`; nothing is loaded here.
"""
