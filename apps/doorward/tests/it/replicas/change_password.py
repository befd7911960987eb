"""Changes a user's password in MongoDB: URI, file of the authority, name, new password."""

import sys

from pymongo import MongoClient

uri, authority, name, password = sys.argv[1:]
with MongoClient(uri, tlsCAFile=authority, serverSelectionTimeoutMS=20_000) as client:
    client.admin.command("updateUser", name, pwd=password)
