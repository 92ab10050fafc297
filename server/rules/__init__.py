"""What is true whichever API asks: records and documents in, records out. No protobuf, no HTTP, no SQL."""
