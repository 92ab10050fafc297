"""Rules that hold for every API: they take and return records and documents. No protobuf, no HTTP, no SQL."""
