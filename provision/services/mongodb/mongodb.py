"""MongoDB for one service of the workbench: python mongodb.py ACTION NAME.

run     sets the password where it is not set yet, and becomes the server
wait    until the server answers to the password
sample  loads the files of the workbench's folder mongo/ that were not loaded before (as root; the work is done by `load`,
        as the notebooks' account)
What differs between workbenches stands in /etc/notebox/workbench/services/NAME.json; the password is the service's token,
the user is called as the database.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

FOLDER = "/home/notebox/mongo"
PROBLEM = "/opt/notebox/lib/notebox-problem"
CACHE_GB = "0.25"
PATIENCE = 300  # seconds; in software emulation a start takes minutes
BATCH = 1000


def end(name, message):
    sys.exit(f"notebox: {name}: {message}")


class Service:
    def __init__(self, name):
        self.name = name
        self.state = f"/var/lib/notebox-{name}"
        self.run = f"/run/notebox-{name}"
        with open(f"/etc/notebox/workbench/services/{name}.json", encoding="utf-8") as file:
            settings = json.load(file)
        self.database = settings["database"]
        self.reached = settings.get("port") is not None
        self.port = int(settings["port"] if self.reached else settings["innerPort"])

    def password(self):
        lent = os.environ.get("CREDENTIALS_DIRECTORY")
        with open(f"{lent}/token" if lent else f"/var/lib/notebox/tokens/{self.name}", encoding="ascii") as file:
            token = file.read().strip()
        if not re.fullmatch(r"[0-9a-f]{32,}", token):
            end(self.name, "the token is no password; run provisioning again")
        return token

    def client(self, password):
        import pymongo

        account = {"username": self.database, "password": password, "authSource": self.database}
        return pymongo.MongoClient("127.0.0.1", self.port, serverSelectionTimeoutMS=5000, **account)


def has_avx():
    if os.uname().machine != "x86_64":
        return True
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return re.search(r"^flags\b.*\bavx\b", file.read(), re.M) is not None


def server(service, *more):
    return [
        *["mongod", "--dbpath", f"{service.state}/data", "--port", str(service.port), "--quiet"],
        *["--wiredTigerCacheSizeGB", CACHE_GB, *more],
    ]


def run(service):
    if not has_avx():
        end(service.name, "MongoDB needs a processor with AVX, and this VM has none; take kind: postgres instead")
    if shutil.which("mongod") is None:
        end(service.name, "mongod is not installed; run provisioning again")
    os.makedirs(f"{service.state}/data", exist_ok=True)
    mark, wanted = f"{service.state}/password", hashlib.sha256(f"{service.database} {service.password()}".encode()).hexdigest()
    try:
        with open(mark, encoding="ascii") as file:
            known = file.read()
    except FileNotFoundError:
        known = ""
    if known != wanted:
        set_password(service)
        with open(f"{mark}.part", "w", encoding="ascii") as file:
            file.write(wanted)
        os.replace(f"{mark}.part", mark)
    bind = "0.0.0.0" if service.reached else "127.0.0.1"
    words = server(service, "--auth", "--bind_ip", bind, "--nounixsocket")
    os.execvp(words[0], words)


def set_password(service):
    """The server without passwords, for a moment, where nobody else reaches it: on a socket in the unit's own folder."""
    import pymongo

    socket = f"{service.run}/mongodb.sock"
    process = subprocess.Popen(server(service, "--bind_ip", socket, "--filePermissions", "0700"))
    try:
        client = pymongo.MongoClient(f"mongodb://{urllib.parse.quote_plus(socket)}", serverSelectionTimeoutMS=2000)
        answer(service, client, process)
        database = client[service.database]
        there = database.command("usersInfo", service.database)["users"]
        roles = [{"role": role, "db": service.database} for role in ("readWrite", "dbAdmin")]
        database.command("updateUser" if there else "createUser", service.database, pwd=service.password(), roles=roles)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def answer(service, client, process=None):
    """Waits until the server answers."""
    import pymongo.errors

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client[service.database].command("ping")
            return client[service.database].list_collection_names()
        except pymongo.errors.OperationFailure:
            raise
        except pymongo.errors.PyMongoError as error:
            if process is not None and process.poll() is not None:
                end(service.name, f"mongod ended with exit code {process.returncode}; see the lines before")
            if time.monotonic() > deadline:
                end(service.name, f"mongod does not answer: {error}")
            time.sleep(0.3)


def wait(service):
    answer(service, service.client(service.password()))


def sample(service):
    words = ["/usr/sbin/runuser", "-u", "notebox", "--", sys.executable, "-I", __file__, "load", service.name]
    # The password goes through a pipe, and all that comes back is text.
    done = subprocess.run(words, input=service.password(), capture_output=True, text=True, errors="replace", cwd="/", env={})
    print(done.stdout, end="", flush=True)
    problem = ""
    if done.returncode != 0:
        problem = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        print(f"notebox: {service.name}: {problem}", flush=True)
    subprocess.run([PROBLEM, service.name], input=problem, text=True, check=True)


def load(service):
    """Each file becomes the collection of its name, once, in the order of the names."""
    try:
        names = sorted(name for name in os.listdir(FOLDER) if re.fullmatch(r"[^.].*\.jsonl?", name))
    except OSError:
        return
    database = service.client(sys.stdin.read().strip())[service.database]
    loaded = {entry["_id"] for entry in database["notebox_loaded"].find()}
    for name in names:
        path = os.path.join(FOLDER, name)
        if name in loaded or os.path.islink(path) or not os.path.isfile(path):
            continue
        collection = re.sub(r"^[0-9]+[-_]|\.jsonl?$", "", name)
        try:
            count = load_file(database, path, collection)
        except Exception as error:
            sys.exit(f"mongo/{name} was not loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
        database["notebox_loaded"].insert_one({"_id": name, "documents": count})
        print(f"notebox: {service.name}: loaded mongo/{name}", flush=True)


def load_file(database, path, collection):
    """Fills a collection beside, and renames it when all is there: so a file is loaded whole or not at all."""
    if collection in database.list_collection_names():
        raise ValueError(f"there is a collection {collection} already")
    part = database[f"{collection}.loading"]
    part.drop()
    count, batch = 0, []
    for document in documents(path):
        batch.append(document)
        count += 1
        if len(batch) == BATCH:
            part.insert_many(batch)
            batch = []
    if batch:
        part.insert_many(batch)
    if count:
        part.rename(collection)
    return count


def documents(path):
    """A list of documents, or one document a line; in MongoDB's extended JSON."""
    from bson import json_util

    with open(path, encoding="utf-8-sig") as file:
        if path.endswith(".json"):
            found = json_util.loads(file.read())
            yield from found if isinstance(found, list) else [found]
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json_util.loads(line)
                except ValueError as error:
                    raise ValueError(f"line {number}: {error}") from error


if __name__ == "__main__":
    {"run": run, "wait": wait, "sample": sample, "load": load}[sys.argv[1]](Service(sys.argv[2]))
