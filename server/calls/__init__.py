"""The path of every call: identity, permissions, the size of the request, the handler, and the status of an error.

Depends on neither doors nor services: doors pass requests to it, and the composition root passes handlers.
"""
