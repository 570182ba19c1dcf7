"""Stands for mongodump and mongorestore, which the tests cannot have: mongo-tools.py dump|restore OPTIONS. Takes the options
that provision/services/mongodb gives them; unknown ones end it, as they end the real ones. The archive is of its own kind:
what counts is which database is read and written, with which account, and what becomes of a copy that cannot be read.
Needs pymongo. Source: https://www.mongodb.com/docs/database-tools/mongorestore/
"""

import argparse
import gzip
import sys

import bson
import pymongo

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("action", choices=["dump", "restore"])
for name in ("--config", "--archive"):
    parser.add_argument(name, required=True)
for name in ("--nsInclude", "--nsFrom", "--nsTo"):
    parser.add_argument(name)
for name in ("--quiet", "--gzip", "--dryRun", "--drop", "--stopOnError", "--bypassDocumentValidation"):
    parser.add_argument(name, action="store_true")
options = parser.parse_args()

with open(options.config, encoding="ascii") as file:
    address = file.read().removeprefix("uri: ").strip()
database = pymongo.MongoClient(address, serverSelectionTimeoutMS=5000).get_default_database()
database.list_collection_names()  # whether the account may


def dump():
    head = bson.encode({"database": database.name})
    documents = [
        bson.encode({"collection": name, "document": document})
        for name in sorted(database.list_collection_names())
        for document in database[name].find()
    ]
    with gzip.open(options.archive, "wb") as file:
        file.write(head + b"".join(documents))


def restore():
    with gzip.open(options.archive, "rb") as file:
        found = bson.decode_file_iter(file)
        held = next(found)["database"]
        if options.dryRun:
            return
        if (options.nsInclude, options.nsFrom) != (f"{held}.*", f"{held}.*"):
            sys.exit("Failed: nothing of the archive is included")
        target = database.client[options.nsTo.removesuffix(".*")]
        for entry in found:
            target[entry["collection"]].insert_one(entry["document"])


dump() if options.action == "dump" else restore()
