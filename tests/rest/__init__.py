"""The REST door: routing, binding, JSON, errors, and clients that do not mean well."""
