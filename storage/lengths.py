"""The maximum lengths of text columns, in characters; an id must not have more bytes than that either.

Tables are declared with these, requests are checked against them, and the import of MLMD stores cuts texts to them. A
released migration keeps the numbers it was written with.
"""

ID = 191
NAME = 128
DISPLAY_NAME = 1_024
VERSION_NAME = 127
TAG = 63
NAMESPACE = 63
KEY = 191
FINGERPRINT = 255
URI = 2_048
SERVICE_ACCOUNT = 255
