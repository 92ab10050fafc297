"""What Lineal keeps, and how: records, the Store contract, filters, page tokens and the SQL behind them.

Knows no gRPC, no HTTP and no protobuf. The server, the migrations and the importer may call it; it calls none of them.
"""
