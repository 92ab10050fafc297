"""Writes the OpenAPI document from descriptors and the comments of the protos. Called by checks/openapi.py."""
