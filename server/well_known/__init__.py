"""Protobuf's well-known types ⇄ plain JSON and microseconds: Value, Struct, Timestamp. Codecs of every API and the REST door use them."""
