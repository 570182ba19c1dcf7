"""How each service is: what systemd says of its unit, whether it answers, what it says of its trouble; as one of four
words, a sentence, and what to do. systemd tells everybody, so nothing here needs to be root."""

import asyncio
import os
import time

from tornado.httpclient import AsyncHTTPClient, HTTPError

# Seconds. FRESH: for how long an answer serves every page that asks.
FRESH = float(os.environ.get("NOTEBOX_FRESH", "3"))
PATIENCE = 120
ANSWER = 5
PROPERTIES = "Id,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestampMonotonic,MemoryCurrent"
REPORT = "If it stays like this: Stop the workbench and Start it again. If that does not help, use Save-a-report and send the file to whoever gave you this folder."
WAIT = "Wait a moment: this page renews itself."


class States:
    """Asked by every open page; looked up once in some seconds."""

    def __init__(self, workbench, systemctl=("systemctl",)):
        self.workbench, self.systemctl = workbench, systemctl
        self.at, self.found = float("-inf"), []
        self.lock = asyncio.Lock()

    async def all(self):
        async with self.lock:
            if time.monotonic() - self.at > FRESH:
                services = self.workbench.services()
                units = await self._units([f"{each['kind']}@{each['name']}.service" for each in services])
                self.found = await asyncio.gather(*[self._one(*pair) for pair in zip(services, units)])
                self.at = time.monotonic()
            return self.found

    async def _one(self, service, unit):
        problem = self.workbench.problem(service["name"])
        # Where systemd says nothing, the service may.
        alive = is_active(unit) or not unit and service["port"] > 0
        answers = alive and (service["port"] == 0 or await answers_http(service["port"]))
        state, words, remedy = judge(unit, answers, problem, time.monotonic())
        told = {"state": state, "answers": answers, "words": words, "remedy": remedy, "memory": mebibytes(unit)}
        return {**service, **told}

    async def _units(self, names):
        """Properties of each unit; none where systemd does not say."""
        if not names:
            return []
        command = [*self.systemctl, "show", "--no-pager", f"--property={PROPERTIES}", "--", *names]
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
            output, _ = await asyncio.wait_for(child.communicate(), 30)
        except (OSError, asyncio.TimeoutError):
            output = b""
        return read_units(output.decode("utf-8", "replace"), names)


def read_units(text, names):
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    known = {block.get("Id"): block for block in blocks}
    return [known.get(name, {}) for name in names]


async def answers_http(port):
    """Whether something answers HTTP there, other than that it is not there yet; the rest is for `notebox verify`."""
    client = AsyncHTTPClient()
    try:
        await client.fetch(f"http://127.0.0.1:{port}/api", request_timeout=ANSWER, follow_redirects=False)
    except HTTPError as error:
        return error.code not in (502, 503, 599)
    except OSError:
        return False
    return True


def is_active(unit):
    return unit.get("ActiveState") == "active"


def judge(unit, answers, problem, now):
    """(state, words, remedy). States: well, starting, trouble, stopped."""
    restarts = int(unit.get("NRestarts") or 0)
    words, serving, looks = problem or ("", False, False)
    if answers:
        if words:
            remedy = "it is then taken by itself." if looks else "then Stop the workbench and Start it again."
            return "trouble", f"It works, but: {words}", f"Correct it and save; {remedy}"
        return "well", "It runs.", ""
    if is_active(unit):
        since = now - int(unit.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
        if since < PATIENCE and not words:
            return "starting", "It is starting.", WAIT
        return "trouble", words or f"It runs, but has not answered for {round(since)} seconds.", REPORT
    state = unit.get("ActiveState")
    if state is None:
        return "trouble", "Its state cannot be told.", REPORT
    # Who works in spite of it does not stand still because of it.
    why = "" if serving else words
    if state in ("activating", "reloading"):
        if why:
            remedy = "Correct it and save; it starts again by itself." if looks else f"{WAIT} {REPORT}"
            return "trouble", f"It cannot start: {why}", remedy
        if restarts == 0:
            return "starting", "It is starting.", WAIT
        ended = f"It has ended {times(restarts)} by itself and is starting again{how(unit)}."
        return "trouble", ended, f"{WAIT} {REPORT}"
    if state == "failed":
        return "trouble", f"It has failed: {why}" if why else f"It has failed{how(unit)}.", REPORT
    return "stopped", "It is stopped.", REPORT


def how(unit):
    """systemd's word for the way in which it ended (Result= in org.freedesktop.systemd1(5))."""
    words = {"oom-kill": "the memory was full", "signal": "it was killed", "timeout": "it took too long"}
    told = unit.get("Result", "success")
    return "" if told == "success" else f" ({words.get(told, told)})"


def times(number):
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def mebibytes(unit):
    """None where systemd does not count."""
    told = unit.get("MemoryCurrent", "")
    return round(int(told) / 2**20) if told.isdigit() and int(told) < 2**63 else None
