"""The OpenAPI document: complete, valid, and true of the server."""
