"""Kernels that were seeded alike and answer one request each: lent, taken back, replaced when they are lost. Which
notebook they were seeded from is the caller's business: it hands in how to make one."""

import asyncio
from collections import deque

from .faults import RequestFault, StartFault

# How long an interrupted cell may take to stop before its kernel is replaced. Seconds.
STOPS_WITHIN = 2


class Pool:
    """`make` starts and seeds a kernel or raises StartFault; `on_lost` hears of a StartFault in a replacement."""

    def __init__(self, size, make, on_lost):
        self.size, self.make, self.on_lost = size, make, on_lost
        self.idle, self.lent, self.waiting = deque(), set(), deque()
        self.tasks = set()
        self.filled = self.retired = self.closed = False
        self.replaced = 0

    async def fill(self):
        """Starts all kernels. Raises the first StartFault, and then none is left."""
        making = [asyncio.ensure_future(self.make()) for _ in range(self.size)]
        try:
            for kernel in await asyncio.gather(*making):
                self._take_in(kernel)
        except BaseException:
            for each in making:
                each.cancel()
            for kernel in await asyncio.gather(*making, return_exceptions=True):
                if not isinstance(kernel, BaseException):
                    await kernel.kill()
            raise
        self.filled = True

    async def borrow(self):
        """A kernel, in the order of asking. Bound it by a time-out; raises RequestFault when there will be none."""
        if self.closed:
            raise stopping()
        while self.idle:
            kernel = self.idle.popleft()
            if kernel.ended is None:
                self.lent.add(kernel)
                return kernel
        place = asyncio.get_running_loop().create_future()
        self.waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.give_back(place.result())
            raise
        finally:
            if place in self.waiting:
                self.waiting.remove(place)
            self._settle()

    def give_back(self, kernel, sound=True):
        """`sound` False: its variables are in nobody knows what state, or it is dead. It is replaced."""
        self.lent.discard(kernel)
        if sound and kernel.ended is None and not self.closed:
            self._take_in(kernel)
        else:
            self._replace(kernel)

    def abandon(self, kernel):
        """Nobody waits for what runs in it any more: it is stopped, and used again if that works."""

        async def stop():
            self.give_back(kernel, await kernel.interrupt(STOPS_WITHIN))

        self._spawn(stop())

    def retire(self):
        """Another pool has taken over: what was begun and who waits are served to the end, then it is gone."""
        self.retired = True
        self._settle()

    async def close(self, fault=None):
        """Ends all kernels; who waits is told. Never waits longer than it takes to kill."""
        self.closed = True
        for task in list(self.tasks):
            task.cancel()
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                place.set_exception(fault or stopping())
        kernels = [*self.idle, *self.lent]
        self.idle.clear()
        await asyncio.gather(*(kernel.kill() for kernel in kernels), return_exceptions=True)

    def _take_in(self, kernel):
        kernel.on_end = self._on_end
        if kernel.ended is not None:
            self._replace(kernel)
            return
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                self.lent.add(kernel)
                place.set_result(kernel)
                return
        self.idle.append(kernel)
        self._settle()

    def _on_end(self, kernel):
        """A kernel that is lent is given back by whoever has it."""
        if kernel in self.idle:
            self.idle.remove(kernel)
            self._replace(kernel)

    def _replace(self, kernel):
        if self.closed or (self.retired and not self.waiting):
            kernel.kill()
            self._settle()
            return
        self.replaced += 1

        async def replace():
            kernel.kill()
            try:
                self._take_in(await self.make())
            except StartFault as fault:
                if not self.retired:
                    self.on_lost(fault)
                elif self.waiting:
                    await self.close(RequestFault(503, "changed", "The notebook was changed; ask again."))

        self._spawn(replace())

    def _settle(self):
        if self.retired and not self.waiting:
            while self.idle:
                self.idle.popleft().kill()

    def _spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def stopping():
    return RequestFault(503, "stopping", "The service is being stopped; ask again in a moment.")
