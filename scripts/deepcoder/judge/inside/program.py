"""The forked side of the sandbox: becomes the program under test. Standard library only, no import of the package."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import json
import os
import resource
import signal
import sys
import threading
import types
from collections.abc import Iterable
from typing import Any, NoReturn

import landlock

LIBC: Any = None
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
PREPARED_FD, RESULT_FD = 249, 250
OPEN_FILES = 256
STACK_BYTES = 64 << 20
DETAIL_CHARS = 300
MAX_PLAIN_INT_BITS = 2048


class NotPlain(Exception):
    """The returned value is no plain data."""


def run(request: dict, files: list[int], setup: dict) -> NoReturn:
    """Become the program: descriptors, limits, scratch folder, then its code; ends in `os._exit`."""
    try:
        job = prepare(request, files, setup)
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(1)
    if job["kind"] == "stdin":
        run_as_main(job)
    run_as_function(job)


def prepare(request: dict, files: list[int], setup: dict) -> dict:
    """Point descriptors 0, 1 and the result at this test's files, close the rest, set the limits."""
    os.setsid()
    job_file, input_file, output_file, result_file, tell_prepared = files
    with open(job_file, "rb", closefd=False) as handle:
        handle.seek(0)
        job = json.loads(handle.read())
    if job["kind"] == "call":
        with open(input_file, "rb", closefd=False) as handle:
            job["args"] = json.loads(handle.read())
        input_file = output_file = os.open("/dev/null", os.O_RDWR)
    os.dup2(result_file, RESULT_FD, inheritable=False)
    os.dup2(tell_prepared, PREPARED_FD)
    os.dup2(input_file, 0)
    os.dup2(output_file, 1)
    close_others(setup["kept"])
    set_limits(request["limits"], setup)
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    try:
        with open("/proc/self/oom_score_adj", "w") as handle:
            handle.write("1000")
    except OSError:
        pass
    os.chdir(setup["scratch"][0])
    confine(setup["landlock"])
    fresh_streams()
    os.write(PREPARED_FD, b"1")
    os.close(PREPARED_FD)
    return job


def close_others(kept: Iterable[int]) -> None:
    """Close all descriptors above 2 but those of the result and `kept`."""
    low = 3
    for high in sorted({PREPARED_FD, RESULT_FD, *kept}):
        os.closerange(low, high)
        low = high + 1
    os.closerange(low, 1 << 16)


def confine(walls: dict | None) -> None:
    """At the level `landlock`: give up for good all that its ruleset and its filter do not leave."""
    if walls is None:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    landlock.restrict(walls["ruleset"], walls["abi"])
    os.close(walls["ruleset"])
    landlock.refuse_calls(bytes.fromhex(walls["filter"]))


def set_limits(limits: dict, setup: dict) -> None:
    """Set the resource limits of this process and its descendants, hard and soft."""
    wanted = [
        (resource.RLIMIT_AS, limits["address_space"]),
        (resource.RLIMIT_CPU, int(limits["cpu"]) + 2),
        (resource.RLIMIT_FSIZE, limits["output"] + 1),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ]
    if setup["processes"]:
        # The kernel counts processes by user, and another's may start at any time.
        others = landlock.tasks_of_the_machine() if setup["shares_user"] else 0
        wanted.append((resource.RLIMIT_NPROC, setup["processes"] + others))
    for which, value in wanted:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    stack = STACK_BYTES if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (stack, hard))


def fresh_streams() -> None:
    """Give the program stream objects that have seen nothing, as a new interpreter would."""
    names = (("stdin", 0, "rb"), ("stdout", 1, "wb"), ("stderr", 2, "wb"))
    for name, descriptor, mode in names:
        raw = io.FileIO(descriptor, mode, closefd=False)
        raw.name = f"<{name}>"
        buffer = io.BufferedReader(raw) if name == "stdin" else io.BufferedWriter(raw)
        errors = "backslashreplace" if name == "stderr" else "surrogateescape"
        stream = io.TextIOWrapper(
            buffer,
            encoding="utf-8",
            errors=errors,
            newline=None if name == "stdin" else "\n",
            line_buffering=name == "stderr",
        )
        vars(stream)["mode"] = "r" if name == "stdin" else "w"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def compiled(job: dict) -> types.CodeType:
    """Compile the program, or report CE and end."""
    try:
        return compile(job["program"], "main.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        report({"verdict": "CE", "detail": brief(error)})
        os._exit(1)


def run_as_main(job: dict) -> NoReturn:
    """Run as a script run by `python main.py`, up to and including what the interpreter does at its end."""
    code = compiled(job)
    module = types.ModuleType("__main__")
    module.__file__ = "main.py"
    module.__dict__["__builtins__"] = __import__("builtins")
    sys.modules["__main__"] = module
    original = sys.stdout
    shutdown, end_hooks, leave = vars(threading)["_shutdown"], atexit._run_exitfuncs, os._exit
    sys.setrecursionlimit(1000 + depth())
    status = 0
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        status = exit_status(error)
    try:
        shutdown()
        end_hooks()
    except BaseException as error:
        status = exit_status(error)
    try:
        finish_streams(module, original)
    except BaseException as error:
        report({"verdict": "RE", "detail": brief(error)})
        status = status or 120
    leave(status)


def finish_streams(module: types.ModuleType, original: Any) -> None:
    """Flush what a finishing interpreter would: the streams, then the files that die with the module."""
    if sys.stdout is not None and not getattr(sys.stdout, "closed", False):
        sys.stdout.flush()
    if sys.stdout is not original:
        sys.stdout = None
    module.__dict__.clear()
    gc.collect()
    if not original.closed:
        original.flush()


def exit_status(error: BaseException) -> int:
    """The exit status that the interpreter would give for an exception that nothing caught; reported as well."""
    if isinstance(error, SystemExit):
        code = error.code
        if code is None:
            return 0
        if isinstance(code, int):
            if code & 0xFF:
                report({"verdict": "RE", "detail": f"exit status {code & 0xFF}"})
            return code & 0xFF
        report({"verdict": "RE", "detail": "exit with a message"})
        return 1
    report({"verdict": "MLE" if isinstance(error, MemoryError) else "RE", "detail": brief(error)})
    return 1


def run_as_function(job: dict) -> NoReturn:
    """Import the program under a name that is not `__main__`, call its function once, report the plain value."""
    code = compiled(job)
    module = types.ModuleType("solution")
    module.__file__ = "main.py"
    module.__dict__["__builtins__"] = __import__("builtins")
    sys.modules["solution"] = module
    leave, encode, dump, tell = os._exit, plain, json.dumps, report
    sys.setrecursionlimit(1000 + depth())
    try:
        exec(code, module.__dict__)
        arguments = [decode(argument) for argument in job["args"]]
        value = find_function(module, job["fn_name"])(*arguments)
    except BaseException as error:
        status = exit_status(error) or 1
        if isinstance(error, SystemExit):
            tell({"verdict": "RE", "detail": "the program ended before the function returned"})
        leave(status)
    sys.setrecursionlimit(20000)
    try:
        text = dump({"value": encode(value)})
    except NotPlain as error:
        text = dump({"other": str(error)})
    except BaseException as error:
        tell({"verdict": "MLE" if isinstance(error, MemoryError) else "RE", "detail": brief(error)})
        leave(1)
    try:
        write_result(text)
    except BaseException:
        leave(1)
    leave(0)


def find_function(module: types.ModuleType, name: str) -> Any:
    """`Solution().name` if the program has such a class, else the top-level function."""
    holder = module.__dict__.get("Solution")
    if holder is not None and hasattr(holder, name):
        return getattr(holder(), name)
    if name in module.__dict__:
        return module.__dict__[name]
    raise NameError(f"the program defines no function {name}")


def decode(node: Any) -> Any:
    """Plain value from its tagged JSON form (the inverse of `plain`)."""
    if isinstance(node, list):
        return [decode(item) for item in node]
    if not isinstance(node, dict):
        return node
    ((tag, body),) = node.items()
    if tag == "d":
        return {decode(key): decode(value) for key, value in body}
    if tag == "i":
        return int(body, 16)
    if tag == "b":
        return bytes.fromhex(body)
    if tag == "c":
        return complex(*body)
    return {"t": tuple, "s": set, "f": frozenset}[tag](decode(item) for item in body)


def plain(value: Any) -> Any:
    """Tagged JSON form of a value made of plain data; subclasses lose their methods.

    Numpy scalars and arrays are unwrapped, a generator is run to its end and stands for a list.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        number = int.__add__(value, 0)
        return number if number.bit_length() <= MAX_PLAIN_INT_BITS else {"i": hex(number)}
    if isinstance(value, float):
        return float.__add__(value, 0.0)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [plain(item) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"t": [plain(item) for item in tuple.__iter__(value)]}
    if isinstance(value, dict):
        return {"d": [[plain(key), plain(item)] for key, item in dict.items(value)]}
    if isinstance(value, (set, frozenset)):
        iterator = set.__iter__(value) if isinstance(value, set) else frozenset.__iter__(value)
        return {"s" if isinstance(value, set) else "f": [plain(item) for item in iterator]}
    if isinstance(value, (bytes, bytearray)):
        return {"b": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    if isinstance(value, types.GeneratorType):
        return [plain(item) for item in value]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return plain(value.tolist())
    raise NotPlain(f"returned {type(value).__name__}, which is no plain data"[:DETAIL_CHARS])


def depth() -> int:
    """Frames of the harness below the program, which the program's recursion limit must not pay for."""
    frame, count = sys._getframe(1), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1  # type: ignore[assignment]
    return count


def brief(error: BaseException) -> str:
    """One line about an exception."""
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:
        text = type(error).__name__
    return text[:DETAIL_CHARS]


def report(record: dict) -> None:
    """Write the result record (why it failed); a full memory or a closed descriptor only loses the reason."""
    with contextlib.suppress(BaseException):
        write_result(json.dumps(record))


def write_result(text: str) -> None:
    """Replace the content of the result file."""
    os.ftruncate(RESULT_FD, 0)
    os.lseek(RESULT_FD, 0, os.SEEK_SET)
    data = memoryview(text.encode("ascii"))
    while data:
        data = data[os.write(RESULT_FD, data) :]
