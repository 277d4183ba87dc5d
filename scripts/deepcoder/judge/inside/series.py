"""Several tests of one program in one process: each in a fresh module, until one fails or leaves a trace.

Standard library only, no import of the package. Where a test ended is written into a page that the zygote shares,
so that a light test costs no system call to report.
"""

from __future__ import annotations

import ctypes
import decimal
import json
import mmap
import os
import struct
import sys
import time
import types
from collections.abc import Iterable
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


class Traces:
    """Tells whether a loaded module, a library class or the builtins were changed, without touching what they hold.

    Looking at a value would count a reference to it, and in a fork the page it lies on would be copied for that. So
    the version of each dictionary is read instead, which CPython 3.11 raises with every change
    (PyDictObject.ma_version_tag; gone in 3.12, for which this repository is not made).
    """

    def __init__(self, modules: Iterable[str]) -> None:
        self.held: list[object] = []
        known = {name: module for name in modules if (module := sys.modules.get(name))}
        self.tags = {name: self._tags(vars(module)) for name, module in known.items()}

    def _tags(self, names: dict) -> list[ctypes.c_uint64]:
        kinds = [kind for kind in names.values() if isinstance(kind, type) and kind.__flags__ & HEAP_TYPE]
        proxies = [vars(kind) for kind in kinds]
        self.held += proxies
        places = [id(names), *(ctypes.c_void_p.from_address(id(proxy) + 2 * WORD).value or 0 for proxy in proxies)]
        return [ctypes.c_uint64.from_address(place + 3 * WORD) for place in places]

    def versions(self, modules: Iterable[str]) -> list[int]:
        """What changes when one of the modules (those not known at the start are passed over) changes."""
        found = [tag.value for name in modules for tag in self.tags.get(name, ())]
        return [*found, len(sys.modules)]


WORD = ctypes.sizeof(ctypes.c_void_p)
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by Python code, whose attributes can be set


def restore(job: dict, modules: list[str]) -> None:
    """Reset what a program may set for itself: recursion, random numbers, the decimal context, streams."""
    program.seed_generators(job)
    sys.setrecursionlimit(1000 + program.depth())
    sys.set_int_max_str_digits(0)
    sys.argv[:] = ["main.py"]
    if "decimal" in modules:
        decimal.setcontext(decimal.Context())
    program.fresh_streams()


def run(job: dict, code: types.CodeType, modules: list[str], inputs: int, page: Page, traces: Traces) -> NoReturn:
    """Run the tests in order and end; a test that fails or leaves a trace is the last, and is not counted."""
    run_test = run_as_main if job["kind"] == "stdin" else run_as_function
    end, result = os._exit, program.RESULT_FD
    watched = ["builtins", *(name for name in modules if name != "sys")]  # sys holds the streams, which are ours
    program.forget_modules()
    before = traces.versions(watched)
    for number in range(inputs):
        os.dup2(FIRST_INPUT_FD + number, 0)
        os.close(FIRST_INPUT_FD + number)
        if number:
            restore(job, modules)
        if not run_test(job, code):
            end(1)
        program.forget_modules()
        if traces.versions(watched) != before:
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
