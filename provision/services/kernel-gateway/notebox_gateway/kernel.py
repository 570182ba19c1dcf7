"""One kernel of the gateway's kernel manager: started, asked to run code, interrupted, killed, and watched for its end.
Which kernel runs which request is for pool.py."""

import asyncio
import os
import signal
import uuid

from jupyter_client.session import Session

from .faults import KernelDied, TooMuchOutput

# A cell that prints for ever must not fill the gateway's memory, nor keep it from anything else by reading what comes:
# an emulated processor reads some MB in a second. Characters; no page wants more.
MOST_OUTPUT = 16 * 1024 * 1024
# The last words of a kernel may still be on their way when its process has ended. Seconds.
LAST_WORDS = 0.2
ASK_AGAIN = 0.3
# Of a kernel that prints faster than it is read here, ZeroMQ keeps this many messages (it would be 1000) and silently
# drops what comes after: lines in the middle of an answer, or the word that it is done.
MOST_WAITING = 50_000


class Outcome:
    """What one piece of code left: `stdout` pieces, `result` (the last MIME bundle), `error` (name, value)."""

    def __init__(self, message_id):
        self.id = message_id
        self.stdout, self.size, self.result, self.error, self.exits = [], 0, None, None, False
        self.replied = self.idle = self.lost = False
        self.done = asyncio.get_running_loop().create_future()
        # Whoever waited may have gone: then nobody asks for the exception, which is no news.
        self.done.add_done_callback(lambda done: done.cancelled() or done.exception())

    def fail(self, error):
        self.lost = self.lost or isinstance(error, TooMuchOutput)
        if not self.done.done():
            self.done.set_exception(error)

    def settle(self):
        if self.replied and self.idle and not self.done.done():
            self.done.set_result(self)

    def on_iopub(self, kind, content):
        if kind == "stream" and content.get("name", "stdout") == "stdout":
            self.size += len(content["text"])
            if self.size > MOST_OUTPUT:
                self.stdout.clear()
                self.fail(TooMuchOutput())
            else:
                self.stdout.append(content["text"])
        elif kind == "execute_result":
            self.result = content["data"]
        elif kind == "error":
            self.error = (content["ename"], content["evalue"])
        elif kind == "status" and content["execution_state"] == "idle":
            self.idle = True
            self.settle()

    def on_reply(self, content):
        if content.get("status") == "error" and self.error is None:
            self.error = (content.get("ename", "error"), content.get("evalue", ""))
        self.exits = any(each.get("source") == "ask_exit" for each in content.get("payload") or [])
        self.replied = True
        self.settle()


class Kernel:
    """`on_end` is called with the kernel when its process ends by itself."""

    def __init__(self, manager, kernel_id):
        self.manager, self.id = manager, kernel_id
        self.km = manager.get_kernel(kernel_id)
        self.session = Session(config=self.km.session.config, key=self.km.session.key)
        # That is for ending kernels that nobody uses; it would read all output a second time.
        manager.stop_watching_activity(kernel_id)
        # Before the socket is made: what it is told later holds for its connection in part only.
        self.km.context.rcvhwm = MOST_WAITING
        self.shell, self.iopub = self.km.connect_shell(), self.km.connect_iopub()
        self.shell.on_recv(lambda parts: self._receive(parts, self._on_shell))
        self.iopub.on_recv(lambda parts: self._receive(parts, self._on_iopub))
        self.current = None
        self.heard = set()
        self.ended = None
        self.on_end = None
        self.killing = None
        self._watch_process()

    @classmethod
    async def start(cls, manager, name):
        """Started, but not yet ready. If the caller goes away meanwhile, so does the kernel."""
        kernel_id = str(uuid.uuid4())
        starting = asyncio.ensure_future(manager.start_kernel(kernel_name=name, kernel_id=kernel_id))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # It cannot be broken off half-way; it takes a moment only.
            await asyncio.wait([starting])
            await discard(manager, kernel_id)
            raise
        return cls(manager, kernel_id)

    async def ready(self):
        """Returns when it answers and its output arrives. Raises KernelDied."""
        while not {"shell", "iopub"} <= self.heard:
            if self.ended is not None:
                raise KernelDied(self.ended)
            self.session.send(self.shell, "kernel_info_request", {})
            for _ in range(int(ASK_AGAIN / 0.02)):
                await asyncio.sleep(0.02)
                if {"shell", "iopub"} <= self.heard or self.ended is not None:
                    break

    async def run(self, code):
        """Returns the Outcome once the kernel is idle again. Raises KernelDied, TooMuchOutput."""
        if self.ended is not None:
            raise KernelDied(self.ended)
        # No history: REQUEST would come to lie in the account's history file. No input: nobody could give it.
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
        message = self.session.msg("execute_request", {**content, "allow_stdin": False, "stop_on_error": True})
        self.current = Outcome(message["header"]["msg_id"])
        self.session.send(self.shell, message)
        return await self.current.done

    async def interrupt(self, seconds):
        """Stops what runs. Whether the kernel is idle within that time, so that it can be used again."""
        if self.ended is not None or self.current is None:
            return self.ended is None
        outcome = self.current
        # Whoever awaited `done` was cancelled, and `done` with it.
        if outcome.done.cancelled():
            outcome.done = asyncio.get_running_loop().create_future()
            outcome.settle()
        try:
            if not outcome.done.done():
                await self.km.interrupt_kernel()
            async with asyncio.timeout(seconds):
                await outcome.done
            return not outcome.exits
        except (TimeoutError, KernelDied, TooMuchOutput, RuntimeError, OSError):
            return False

    def kill(self):
        """Ends it at once; the returned task is done when everything of it is gone."""
        if self.killing is None:
            self.killing = asyncio.ensure_future(self._kill())
        return self.killing

    async def _kill(self):
        self._stop_watching()
        if self.ended is None:
            self.ended = "it was ended"
            if self.current is not None:
                self.current.fail(KernelDied(self.ended))
        for stream in (self.shell, self.iopub):
            stream.close()
        try:
            await self.km.provisioner.send_signal(signal.SIGKILL)
        except (AttributeError, OSError):
            pass
        await discard(self.manager, self.id)

    def _receive(self, parts, handle):
        # The request itself, sent back by ipykernel and its kin; its size is no sign of what a cell prints.
        if parts[0].endswith(b".execute_input"):
            return
        # The kernel sends what was printed in a fifth of a second as one message, which may be a large one.
        if self.current is not None and sum(map(len, parts)) > MOST_OUTPUT:
            self.current.fail(TooMuchOutput())
        if self.current is not None and self.current.lost:
            return
        try:
            _, parts = self.session.feed_identities(parts)
            message = self.session.deserialize(parts)
        except (ValueError, TypeError, KeyError) as error:
            self.manager.log.warning("A message of kernel %s cannot be read: %s", self.id, error)
            return
        handle(message, message["header"]["msg_type"], message["parent_header"].get("msg_id"))

    def _on_shell(self, message, kind, parent):
        self.heard.add("shell")
        if kind == "execute_reply" and self.current is not None and parent == self.current.id:
            self.current.on_reply(message["content"])

    def _on_iopub(self, message, kind, parent):
        self.heard.add("iopub")
        if self.current is not None and parent == self.current.id:
            self.current.on_iopub(kind, message["content"])

    def _watch_process(self):
        """The system tells at once when a process ends (pidfd_open(2)): nothing is polled."""
        self._end_fd = None
        try:
            self._end_fd = os.pidfd_open(self.km.provisioner.pid)
        except ProcessLookupError:
            self._on_end()
            return
        asyncio.get_running_loop().add_reader(self._end_fd, self._on_end)

    def _stop_watching(self):
        if self._end_fd is not None:
            asyncio.get_running_loop().remove_reader(self._end_fd)
            os.close(self._end_fd)
            self._end_fd = None

    def _on_end(self):
        self._stop_watching()
        process = getattr(self.km.provisioner, "process", None)
        self.ended = how_it_ended(None if process is None else process.poll())
        if self.current is not None:
            asyncio.get_running_loop().call_later(LAST_WORDS, self.current.fail, KernelDied(self.ended))
        if self.on_end is not None:
            self.on_end(self)


def how_it_ended(code):
    """A process's return code (negative: a signal) in words."""
    if code is None:
        return "it ended"
    if code == -signal.SIGKILL:
        return "it was ended by signal 9, as the system does when memory runs out"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with exit code {code}"


async def discard(manager, kernel_id):
    """Everything of that kernel, its process and its files, is gone afterwards."""
    try:
        if kernel_id in manager:
            await manager.shutdown_kernel(kernel_id, now=True)
    except Exception as error:  # noqa: BLE001 - there is nothing left to do about it
        manager.log.warning("Kernel %s could not be put away: %s", kernel_id, error)
