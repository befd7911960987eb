"""Creates the user of the tests: URI, file of the authority, name, password."""

import sys

from pymongo import MongoClient

uri, authority, name, password = sys.argv[1:]
with MongoClient(uri, tlsCAFile=authority, serverSelectionTimeoutMS=20_000) as client:
    client.admin.command("createUser", name, pwd=password, roles=["root"])
