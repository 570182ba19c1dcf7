"""Stands for MongoDB's server, which the tests cannot have: enough of its wire protocol for the real pymongo to log in
(SCRAM-SHA-256), write, read, rename and drop. python mongod.py takes the options that provision/services/mongodb gives it;
unknown ones end it, as they end the real one. Needs the module bson, which pymongo brings.
Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/, RFC 5802 and RFC 7677.
"""

import argparse
import base64
import hashlib
import hmac
import os
import signal
import socketserver
import struct
import sys
import threading

import bson

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--dbpath", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--bind_ip", required=True)
parser.add_argument("--wiredTigerCacheSizeGB", type=float)
parser.add_argument("--filePermissions")
for flag in ("--auth", "--quiet", "--nounixsocket"):
    parser.add_argument(flag, action="store_true")
options = parser.parse_args()

FILE = os.path.join(options.dbpath, "standin.bson")
ROUNDS = 15000
lock = threading.RLock()
# Users by "database.name"; documents by "database.collection".
store = {"users": {}, "data": {}}
if os.path.exists(FILE):
    with open(FILE, "rb") as opened:
        store = bson.decode(opened.read())


def keep():
    with open(FILE + ".part", "wb") as file:
        file.write(bson.encode(store))
        file.flush()
        os.fsync(file.fileno())
    os.replace(FILE + ".part", FILE)


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def fits(document, wanted):
    """Equal values, and $gt, of which the examples make use."""
    for name, value in wanted.items():
        if isinstance(value, dict) and list(value) == ["$gt"]:
            if not (name in document and document[name] > value["$gt"]):
                return False
        elif name not in document or document[name] != value:
            return False
    return True


class Refusal(Exception):
    def __init__(self, code, name, text):
        super().__init__(text)
        self.answer = {"ok": 0.0, "code": code, "codeName": name, "errmsg": text}


class Session:
    """One connection: who has logged in, and the commands."""

    def __init__(self):
        self.user = None
        self.first = None

    def run(self, command, sequences):
        name = next(iter(command))
        method = getattr(self, "do_" + name, None)
        if method is None:
            raise Refusal(59, "CommandNotFound", f"no such command: '{name}'")
        free = ("hello", "isMaster", "ismaster", "ping", "saslStart", "saslContinue", "endSessions", "buildInfo")
        if options.auth and self.user is None and name not in free:
            raise Refusal(13, "Unauthorized", f"command {name} requires authentication")
        with lock:
            return {**method(command, command.get("$db", "admin"), sequences), "ok": 1.0}

    def do_hello(self, command, _database, _sequences):
        more = {"saslSupportedMechs": ["SCRAM-SHA-256"]} if "saslSupportedMechs" in command else {}
        limits = {"maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000}
        return {"isWritablePrimary": True, "ismaster": True, "minWireVersion": 0, "maxWireVersion": 21, **limits, **more}

    do_isMaster = do_ismaster = do_hello

    def do_ping(self, *_):
        return {}

    do_endSessions = do_ping

    def do_buildInfo(self, *_):
        return {"version": "0.0.0", "versionArray": [0, 0, 0, 0]}

    do_buildinfo = do_buildInfo

    def do_saslStart(self, command, database, _sequences):
        bare = bytes(command["payload"]).decode().split(",", 2)[2]
        name, nonce = (part[2:] for part in bare.split(","))
        user = store["users"].get(f"{database}.{name}")
        nonce += base64.b64encode(os.urandom(18)).decode()
        salt = user["salt"] if user else os.urandom(16)
        answer = f"r={nonce},s={base64.b64encode(salt).decode()},i={ROUNDS}"
        self.first = (user, f"{bare},{answer}", f"{database}.{name}")
        return {"conversationId": 1, "done": False, "payload": answer.encode()}

    def do_saslContinue(self, command, _database, _sequences):
        user, said, name = self.first
        without, _, proof = bytes(command["payload"]).decode().partition(",p=")
        if user is None or not proof:
            raise Refusal(18, "AuthenticationFailed", "Authentication failed.")
        text = f"{said},{without}".encode()
        signature = mac(user["stored"], text)
        key = bytes(one ^ other for one, other in zip(base64.b64decode(proof), signature))
        if hashlib.sha256(key).digest() != user["stored"]:
            raise Refusal(18, "AuthenticationFailed", "Authentication failed.")
        self.user = name
        server = base64.b64encode(mac(user["server"], text)).decode()
        return {"conversationId": 1, "done": True, "payload": f"v={server}".encode()}

    def do_usersInfo(self, command, database, _sequences):
        there = f"{database}.{command['usersInfo']}" in store["users"]
        return {"users": [{"user": command["usersInfo"]}] if there else []}

    def do_createUser(self, command, database, _sequences):
        name, salt = next(iter(command.values())), os.urandom(16)
        salted = hashlib.pbkdf2_hmac("sha256", command["pwd"].encode(), salt, ROUNDS)
        stored = hashlib.sha256(mac(salted, b"Client Key")).digest()
        entry = {"salt": salt, "stored": stored, "server": mac(salted, b"Server Key"), "roles": command["roles"]}
        store["users"][f"{database}.{name}"] = entry
        keep()
        return {}

    do_updateUser = do_createUser

    def documents(self, database, collection):
        return store["data"].get(f"{database}.{collection}", [])

    def cursor(self, place, found):
        return {"cursor": {"id": bson.Int64(0), "ns": place, "firstBatch": found}}

    def do_listCollections(self, _command, database, _sequences):
        names = [place.partition(".")[2] for place in store["data"] if place.startswith(f"{database}.")]
        return self.cursor(f"{database}.$cmd.listCollections", [{"name": name, "type": "collection"} for name in names])

    def do_find(self, command, database, _sequences):
        wanted = command.get("filter", {})
        found = [one for one in self.documents(database, command["find"]) if fits(one, wanted)]
        return self.cursor(f"{database}.{command['find']}", found[: command.get("limit") or None])

    def do_aggregate(self, command, database, _sequences):
        # count_documents asks so.
        count = len(self.documents(database, command["aggregate"]))
        return self.cursor(f"{database}.{command['aggregate']}", [{"_id": 1, "n": count}] if count else [])

    def do_insert(self, command, database, sequences):
        given = sequences.get("documents") or command.get("documents", [])
        store["data"].setdefault(f"{database}.{command['insert']}", []).extend(given)
        keep()
        return {"n": len(given)}

    def do_drop(self, command, database, _sequences):
        if store["data"].pop(f"{database}.{command['drop']}", None) is None:
            raise Refusal(26, "NamespaceNotFound", "ns not found")
        keep()
        return {}

    def do_renameCollection(self, command, _database, _sequences):
        if command["to"] in store["data"]:
            raise Refusal(48, "NamespaceExists", "target namespace exists")
        store["data"][command["to"]] = store["data"].pop(command["renameCollection"])
        keep()
        return {}


class Connection(socketserver.BaseRequestHandler):
    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def handle(self):
        session = Session()
        try:
            while True:
                length, number, _, code = struct.unpack("<iiii", self.read(16))
                self.request.sendall(self.answer(session, number, code, self.read(length - 16)))
        except (EOFError, ConnectionError):
            return

    def answer(self, session, number, code, body):
        if code == 2004:  # OP_QUERY: the first hello of a connection
            start = body.index(b"\0", 4) + 9
            return self.message(number, 1, struct.pack("<iqii", 8, 0, 0, 1), self.outcome(session, bson.decode(body[start:]), {}))
        command, sequences, at = {}, {}, 4
        while at < len(body):
            size = struct.unpack_from("<i", body, at + 1)[0]
            if body[at] == 0:
                command = bson.decode(body[at + 1 : at + 1 + size])
            else:
                end = body.index(b"\0", at + 5)
                sequences[body[at + 5 : end].decode()] = bson.decode_all(body[end + 1 : at + 1 + size])
            at += 1 + size
        return self.message(number, 2013, struct.pack("<iB", 0, 0), self.outcome(session, command, sequences))

    def outcome(self, session, command, sequences):
        try:
            return session.run(command, sequences)
        except Refusal as refusal:
            return refusal.answer

    def message(self, number, code, head, document):
        body = head + bson.encode(document)
        return struct.pack("<iiii", 16 + len(body), number, number, code) + body


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if options.bind_ip.startswith("/") and os.path.exists(options.bind_ip):
    os.unlink(options.bind_ip)
server = Unix(options.bind_ip, Connection) if options.bind_ip.startswith("/") else Tcp((options.bind_ip, options.port), Connection)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
