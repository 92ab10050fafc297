"""The one path of every call: who asks, what is allowed, how large it is, which handler answers, how errors are told.

Knows no door and no service: doors hand requests in, composition hands handlers in.
"""
