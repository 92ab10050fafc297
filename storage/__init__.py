"""Storage: records, the Store contract, filters, page tokens and the SQL behind them.

It has no gRPC, HTTP or protobuf. The server, the migrations and the importer may call it; it calls none of them.
"""
