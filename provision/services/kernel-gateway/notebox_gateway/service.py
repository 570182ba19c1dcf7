"""Which version of the notebook is served, with which kernels: the first one, and each one that is sound after it. What
people and `verify` get to know of that goes to the journal and into problem.json. Requests are for handlers.py."""

import asyncio
import datetime
import json
import os
import sys

from .faults import RequestFault, StartFault, one_line
from .notebook import read_bytes, read_notebook
from .openapi import describe
from .pool import Pool
from .seeding import seeded_kernel
from .watch import changes


class Service:
    """`settings`: name, notebook (absolute), path (as people know it), origins, timeout."""

    def __init__(self, settings, personality):
        self.name, self.file, self.path = settings["name"], settings["notebook"], settings["path"]
        self.origins, self.timeout = list(settings["origins"]), float(settings["timeout"])
        self.personality = personality
        self.kernels = personality.parent.prespawn_count or 1
        self.serving = False
        self.ending = False
        self.problem = None
        self.attempt = self.watcher = None
        self.replaced_before = 0
        self.retired = []
        self.reading = self.pool = None

    def read_first(self):
        """Raises StartFault."""
        self.reading = self._read_any(read_bytes(self.file, self.path))
        self.pool = self._pool_for(self.reading)

    def start(self):
        self.attempt = asyncio.ensure_future(self._open(self.reading, self.pool))
        self.watcher = asyncio.ensure_future(self._watch())

    async def stop(self, fault=None):
        """All kernels are gone afterwards."""
        self.ending = True
        tasks = [task for task in (self.watcher, self.attempt) if task is not None]
        for task in tasks:
            task.cancel()
        # A start that is broken off ends its own kernels.
        await asyncio.gather(*(pool.close(fault) for pool in [self.pool, *self.retired]), *tasks, return_exceptions=True)

    @property
    def replaced(self):
        return self.replaced_before + self.pool.replaced

    def tell(self, text):
        """One line for the journal; `verify` looks for how it begins."""
        print(f"notebox: {self.name}: {text}", file=sys.stderr, flush=True)

    def _read_any(self, data):
        """Raises StartFault, whatever is in the file: else nobody would look at it ever again."""
        try:
            reading = read_notebook(data, self.path, self.personality)
            describe(reading)
            return reading
        except StartFault:
            raise
        except Exception as error:
            self.personality.log.exception("%s cannot be read", self.path)
            what = f"{self.path} cannot be read: {one_line(error, 160)}; open it in Jupyter and save it again"
            raise StartFault("notebook", what) from error

    def _pool_for(self, reading):
        manager, seconds = self.personality.parent.kernel_manager, self.personality.seed_timeout
        return Pool(self.kernels, lambda: seeded_kernel(manager, reading, seconds), self.lost)

    async def _open(self, reading, pool):
        """Seeds kernels for that reading; then, and only then, they take over."""
        try:
            await pool.fill()
        except StartFault as fault:
            if self.serving:
                self._keep_old(fault, reading.sha256)
            else:
                self.lost(fault)
            return
        old, first = self.pool, not self.serving
        self._take_over(reading)
        if pool is not old:
            self.replaced_before += old.replaced
            self.pool = pool
            old.retire()
            self.retired = [each for each in [*self.retired, old] if each.lent or each.waiting]
        self.serving = True
        self._write_problem(None)
        told = f"serves {len(reading.routes)} routes of {self.path}"
        self.tell(told if first else f"{told} as it is now (sha256 {reading.sha256[:12]})")
        for cell, line in reading.near_misses:
            self.tell(f"cell {cell} of {self.path} is almost a route (“{line}”) and has run at the start: see `notebox api lint`")

    def _take_over(self, reading):
        self.reading, self.problem = reading, None

    async def _watch(self):
        pause = self.personality.watch_interval
        async for found in changes(self.file, self.path, self.reading.sha256, pause):
            if self.attempt is not None:
                self.attempt.cancel()
                await asyncio.gather(self.attempt, return_exceptions=True)
            await self._consider(found)

    async def _consider(self, found):
        """Another version of the file, or why there is none."""
        try:
            if isinstance(found, StartFault):
                raise found
            reading = await asyncio.to_thread(self._read_any, found)
        except StartFault as fault:
            if self.serving:
                self._keep_old(fault, None)
            else:
                self.lost(fault)
            return
        if self.serving and reading.code == self.reading.code:
            # Jupyter saves outputs all the time: for those no kernel is started anew.
            self._take_over(reading)
            self._write_problem(None)
            return
        pool = self._pool_for(reading)
        if not self.serving:
            await self.pool.close(RequestFault(503, "changed", "The notebook was changed; ask again."))
            self.reading, self.pool = reading, pool
        self.attempt = asyncio.ensure_future(self._open(reading, pool))

    def _keep_old(self, fault, sha256):
        self.problem = {**fault.told(), "sha256": sha256}
        self.tell(f"keeps serving the earlier notebook: {fault.message}")
        self._write_problem({**self.problem, "serving": True})

    def lost(self, fault):
        """There is nothing left that could answer: the service ends, and systemd starts it again."""
        if self.ending:
            return
        self.ending = True
        self.tell(fault.message)
        self._write_problem({**fault.told(), "sha256": self.reading and self.reading.sha256, "serving": False})
        refusal = RequestFault(503, fault.fault, f"The service cannot start: {fault.message}")
        self.personality.end(refusal)

    def _write_problem(self, problem):
        """Where `verify` finds it however much the journal has grown; gone when all is well. In the state folder that
        systemd gives to the service."""
        folder = os.environ.get("STATE_DIRECTORY")
        if not folder:
            return
        place = os.path.join(folder, "problem.json")
        try:
            if problem is None:
                os.unlink(place)
                return
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            with open(f"{place}.part", "w", encoding="utf-8") as file:
                json.dump({"at": now, "notebook": self.path, **problem}, file, ensure_ascii=False)
            os.replace(f"{place}.part", place)
        except FileNotFoundError:
            pass
        except OSError as error:
            self.personality.log.warning("%s cannot be written: %s", place, error)
