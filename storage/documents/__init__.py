"""The JSON columns: one frozen class per shape, read from stored text and written to it. No protobuf, no SQL.

An entry of a list column has `from_plain` and `plain`; a column has functions or methods named `from_text`, `to_text` and,
if it can grow, `merge` or `append`. Written text is compact, in protobuf's JSON form (lowerCamel names, enum names, int64 as
strings), without empty fields. Reading is tolerant: an absent column, JSON null and an empty list mean the same, and
anything that does not have the expected shape is treated as absent, because other programs write these tables too.
"""
