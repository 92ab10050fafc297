"""How long texts may be that have a column of bounded length, in characters; ids are bounded in bytes by the same number.

The tables are made by these, requests are checked by them, and the import of MLMD stores cuts to them. A released migration
keeps the numbers it was written with.
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
