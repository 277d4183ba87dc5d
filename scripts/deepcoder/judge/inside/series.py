"""Several tests of one program in one process: each in a fresh module, until one fails or leaves a trace.

Standard library only, no import of the package. Where a test ended is written into a page that the zygote shares,
so that a light test costs no system call to report.
"""

from __future__ import annotations

import builtins
import decimal
import json
import mmap
import operator
import os
import random
import struct
import sys
import time
import types
from typing import NoReturn

import program
import values

CAPACITY = 100  # tests of one series: descriptors of one message are limited to 253
_RECORD = struct.Struct("<ddqq")  # CPU and monotonic time, sizes of the output and the result, at a test's end
_COUNT = struct.Struct("<q")
PAGE_BYTES = _COUNT.size + CAPACITY * _RECORD.size
FIRST_INPUT_FD = 300


class Page:
    """Where a series keeps the ends of its tests; the zygote reads it while the series runs."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, PAGE_BYTES)
        self.clear()

    def clear(self) -> None:
        """Forget all ends."""
        _COUNT.pack_into(self.memory, 0, 0)

    def add(self, number: int, cpu_s: float, clock_s: float, output_end: int, result_end: int) -> None:
        """Note the end of test `number`; counted last, so that a reader never sees half an entry."""
        _RECORD.pack_into(self.memory, _COUNT.size + number * _RECORD.size, cpu_s, clock_s, output_end, result_end)
        _COUNT.pack_into(self.memory, 0, number + 1)

    def ends(self, first: int = 0) -> list[tuple[float, float, int, int]]:
        """The ends noted so far, from test `first` on."""
        (count,) = _COUNT.unpack_from(self.memory, 0)
        return [_RECORD.unpack_from(self.memory, _COUNT.size + n * _RECORD.size) for n in range(first, count)]


class Baseline:
    """What a fresh interpreter looks like: restored before each test, or compared with after it."""

    def __init__(self, modules: list[str]) -> None:
        known = [vars(module) for name in modules if name != "sys" and (module := sys.modules.get(name))]
        known.append(vars(builtins))
        # Library classes written in Python, whose attributes can be set.
        kinds = {kind for names in known for kind in names.values() if isinstance(kind, type)}
        known += [vars(kind) for kind in kinds if kind.__flags__ & _HEAP_TYPE]  # type: ignore[misc]
        self.held = [(names, [*names.values()]) for names in [*known, sys.modules]]

    def restore(self) -> None:
        """Reset what a program may set for itself: limits, random numbers, the decimal context, streams."""
        sys.setrecursionlimit(1000 + program.depth())
        sys.set_int_max_str_digits(0)
        sys.argv[:] = ["main.py"]
        random.seed()
        program.seed_numpy()
        decimal.setcontext(decimal.Context())
        program.fresh_streams()

    def changed(self) -> bool:
        """Whether a test left loaded modules, builtins or library classes other than they were.

        By identity and order of the values: equality would ask objects of the program.
        """
        program.forget_modules()
        return any(
            len(names) != len(before) or not all(map(operator.is_, names.values(), before))
            for names, before in self.held
        )


_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by Python code, whose attributes can be set


def run(job: dict, code: types.CodeType, modules: list[str], inputs: int, page: Page) -> NoReturn:
    """Run the tests in order and end; a test that fails or leaves a trace is the last, and is not counted."""
    run_test = run_as_main if job["kind"] == "stdin" else run_as_function
    end, result = os._exit, program.RESULT_FD
    program.forget_modules()
    baseline = Baseline(modules)
    for number in range(inputs):
        os.dup2(FIRST_INPUT_FD + number, 0)
        os.close(FIRST_INPUT_FD + number)
        baseline.restore()
        if not run_test(job, code) or baseline.changed():
            end(1)
        sizes = os.fstat(1).st_size, os.fstat(result).st_size
        page.add(number, time.process_time(), time.monotonic(), *sizes)
    end(0)


def run_as_main(job: dict, code: types.CodeType) -> bool:
    """Run once as a script; whether it ended well."""
    module = program.new_module("__main__")
    original = sys.stdout
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        if error.code not in (None, 0):
            return False
    except BaseException:
        return False
    try:
        program.finish_streams(module, original, collect=False)
    except BaseException:
        return False
    return True


def run_as_function(job: dict, code: types.CodeType) -> bool:
    """Call the function once and append its plain value to the result file; whether it returned one."""
    module = program.new_module("solution")
    try:
        with open(0, "rb", closefd=False) as handle:
            arguments = [values.decode(argument) for argument in json.loads(handle.read())]
        exec(code, module.__dict__)
        value = program.find_function(module, job["fn_name"])(*arguments)
        program.append_result(json.dumps({"value": values.plain(value)}))
        module.__dict__.clear()
    except BaseException:
        return False
    return True
