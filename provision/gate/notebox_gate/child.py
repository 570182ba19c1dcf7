"""The program behind the door: started with it, ended with it, and when it ends by itself the service ends, so that
systemd starts both anew."""

import asyncio
import os
import signal
import sys

# Seconds; what a service has to end (TimeoutStopSec=10), less some for ourselves.
GRACE = 7


class Child:
    def __init__(self, name, process):
        self.name, self.process = name, process

    @classmethod
    async def start(cls, name, command, env=None, cwd="/"):
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, env=env, cwd=cwd, start_new_session=True
        )
        return cls(name, process)

    async def ended(self):
        """Exit code, or the negative number of the signal."""
        return await self.process.wait()

    async def stop(self, grace=GRACE):
        """SIGTERM, and after a while SIGKILL, to it and whatever it has started."""
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 1)):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return
            try:
                await asyncio.wait_for(self.process.wait(), seconds)
                return
            except asyncio.TimeoutError:
                continue


async def until_end(children, asked, grace=GRACE):
    """Waits until one of them ends or `asked` (an Event) is set; ends the others, in `grace` seconds together, and this process
    when one failed."""
    waits = {asyncio.ensure_future(child.ended()): child for child in children}
    stop = asyncio.ensure_future(asked.wait())
    await asyncio.wait([*waits, stop], return_when=asyncio.FIRST_COMPLETED)
    gone = None if asked.is_set() else next(child for wait, child in waits.items() if wait.done())
    # In the order in which they depend on each other: the last one started is ended first.
    for child in reversed(children):
        await child.stop(grace / len(children))
    stop.cancel()
    if gone is not None:
        print(f"notebox: {gone.name} has ended ({gone.process.returncode})", file=sys.stderr)
        sys.exit(1)


async def answers(connect, seconds):
    """Whether `connect` (a coroutine function that raises OSError) comes to succeed in that time."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        try:
            await connect()
            return True
        except OSError:
            await asyncio.sleep(0.3)
    return False
