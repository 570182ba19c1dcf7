"""Gets a release of OpenRefine for Linux and unpacks it: python3 fetch.py SETTINGS FOLDER.

SETTINGS is the service's JSON file, whose `source` has the address (`url`) and the `sha256` of the archive. FOLDER is there
when it is whole, and is left alone when it holds that archive already. What is wrong is written to standard error, as one line.
"""

import glob
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import urllib.request

WAIT = 60  # seconds, for an answer and for each piece


def fetch(url, file):
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=WAIT) as answer:
        while piece := answer.read(1 << 20):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def main(settings, place):
    with open(settings, encoding="utf-8") as file:
        source = json.load(file)["source"]
    mark = os.path.join(place, "notebox-sha256")
    try:
        with open(mark, encoding="ascii") as file:
            if file.read() == source["sha256"]:
                return
    except OSError:
        pass
    part = f"{place}.part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    archive = os.path.join(part, "archive")
    try:
        with open(archive, "wb") as file:
            seen = fetch(source["url"], file)
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"OpenRefine cannot be fetched from {source['url']} ({error}); check that address, the network and the proxy, and start again")
    if seen != source["sha256"]:
        sys.exit(f"{source['url']} is not the file that workbench.yaml names: its SHA-256 is {seen}; get it from elsewhere, or correct it there")
    unpack = ["tar", "-xzf", archive, "-C", part, "--strip-components=1", "--no-same-owner"]
    done = subprocess.run(unpack, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"OpenRefine cannot be unpacked: {(done.stderr.strip().splitlines() or ['tar failed'])[0]}")
    if not os.path.isdir(f"{part}/webapp/WEB-INF") or not glob.glob(f"{part}/server/target/lib/*.jar"):
        sys.exit(f"{source['url']} holds no OpenRefine for Linux; name an openrefine-linux-VERSION.tar.gz")
    os.unlink(archive)
    with open(os.path.join(part, os.path.basename(mark)), "w", encoding="ascii") as file:
        file.write(seen)
    shutil.rmtree(place, ignore_errors=True)
    os.rename(part, place)


main(*sys.argv[1:])
