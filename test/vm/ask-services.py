"""Starts services in a build root as their units would, and asks them: python3 ask-services.py '[{kind, name, port}]'.

There is no systemd in a build root, so this reads Environment= and ExecStart= of the units themselves and gives the
services what systemd would: the account, the folders, the token. Prints how long each took to stop.
"""
import json, os, re, subprocess, sys, time, urllib.error, urllib.request
subprocess.run(["/opt/notebox/lib/notebox-tokens"], check=True, stdout=subprocess.DEVNULL)
running = []
for service in json.loads(sys.argv[1]):
    kind, name, port = service["kind"], service["name"], service["port"]
    unit = open(f"/etc/systemd/system/{kind}@.service").read().replace("%i", name).replace("%t", "/run").replace("%S", "/var/lib")
    env = {"HOME": "/home/notebox", "USER": "notebox", "CREDENTIALS_DIRECTORY": f"/run/credentials-{name}"}
    for line in re.findall(r"^Environment=(.*)$", unit, re.M):
        env.update(word.split("=", 1) for word in line.split())
    token = open(f"/var/lib/notebox/tokens/{name}").read()
    for folder in (env["CREDENTIALS_DIRECTORY"], f"/run/notebox-{name}", f"/var/lib/notebox-{name}"):
        os.makedirs(folder); os.chown(folder, 1900, 1900)
    open(env["CREDENTIALS_DIRECTORY"] + "/token", "w").write(token)
    command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()
    log = open(f"/run/{name}.log", "w+")
    process = subprocess.Popen(["setpriv", "--reuid=1900", "--regid=1900", "--clear-groups", *command], env=env, cwd="/home/notebox", stdout=log, stderr=log)
    running.append((kind, name, port, token, process))

def ask(port, path, token=None):
    headers = {"Authorization": "token " + token} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""

said = []
try:
    for kind, name, port, token, process in running:
        path = "/api/status" if kind == "jupyter" else "/probe"
        for _ in range(240):
            assert process.poll() is None, open(f"/run/{name}.log").read()
            try:
                without = ask(port, path)[0]
                break
            except urllib.error.URLError:
                time.sleep(0.5)
        code, text = ask(port, path, token)
        assert without in (401, 403), f"{name} answered {without} without a token"
        assert code == 200, f"{name} answered {code} with the token"
        if kind != "jupyter":
            assert text == "42 /home/notebox/.python/bin/python\n", text
        assert ask(port, path + "?token=" + token)[0] == 200
        assert token not in open(f"/run/{name}.log").read(), f"{name} wrote its token to the journal"
        began = time.time()
        process.terminate()
        process.wait(10)
        said.append(f"{name} stopped after {time.time() - began:.1f} s")
finally:
    for *_, process in running:
        process.kill()
print(", ".join(said))
