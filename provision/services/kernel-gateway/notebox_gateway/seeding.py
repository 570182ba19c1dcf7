"""A kernel in which a notebook's cells without annotation have run, once and in order. Which kernel serves whom is for
pool.py."""

import asyncio
import re

from .faults import KernelDied, StartFault, TooMuchOutput, one_line
from .kernel import Kernel


async def seeded_kernel(manager, reading, seconds):
    """Raises StartFault, which names the cell, and leaves no kernel behind then. All cells together have `seconds`."""
    kernel, cell = None, None
    try:
        async with asyncio.timeout(seconds):
            kernel = await Kernel.start(manager, reading.kernel)
            await kernel.ready()
            for cell, source in reading.seeds:
                if source.strip():
                    check(await kernel.run(source), cell, reading)
        return kernel
    except BaseException as error:
        if kernel is not None:
            await asyncio.shield(kernel.kill())
        where = f"cell {cell} of {reading.name}" if cell is not None else f"the kernel {reading.kernel}"
        advice = "run the notebook from top to bottom in Jupyter and mend the cell; the service comes up by itself then"
        match error:
            case StartFault() | asyncio.CancelledError():
                raise
            case TimeoutError():
                what = f"{where} has not come to an end within {seconds:g} s; {advice}"
                raise StartFault("seed-hangs", what, cell) from None
            case KernelDied():
                what = f"{where} has ended its kernel ({error.how}); {advice}"
                raise StartFault("seed-killed", what, cell) from None
            case TooMuchOutput():
                raise StartFault("seed-failed", f"{where} prints without end; {advice}", cell) from None
            case Exception() if cell is not None:
                # Such as half a character in its text, which cannot be sent to a kernel.
                what = f"{where} cannot be run: {one_line(error, 160)}; {advice}"
                raise StartFault("seed-failed", what, cell) from error
            case Exception():
                what = f"the kernel {reading.kernel} cannot be started: {one_line(error, 160)}"
                raise StartFault("no-kernel", what) from error
        raise


def check(outcome, cell, reading):
    if outcome.error is None:
        if outcome.exits:
            what = f"cell {cell} of {reading.name} ends its kernel (exit); take that out"
            raise StartFault("seed-killed", what, cell)
        return
    name, value = outcome.error
    advice = "mend the cell, the service comes up by itself then"
    if is_input(name):
        what = f"cell {cell} of {reading.name} asks for input, which nobody can give; take input() out"
        raise StartFault("seed-input", what, cell)
    told = one_line(re.sub(r"\s+", " ", f"{name}: {value}"), 240)
    raise StartFault("seed-failed", f"cell {cell} of {reading.name} fails at the start: {told}; {advice}", cell)


def is_input(error_name):
    """ipykernel's name for input() where there is none."""
    return error_name == "StdinNotImplementedError"
