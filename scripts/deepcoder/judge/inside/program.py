"""The forked side of the sandbox: becomes the program under test. Standard library only, no import of the package."""

from __future__ import annotations

import ast
import atexit
import contextlib
import gc
import io
import json
import os
import random
import resource
import signal
import sys
import threading
import types
from collections.abc import Iterable
from typing import Any, NoReturn

import landlock
import screen
import series
import values

LIBC: Any = None
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
PREPARED_FD, RESULT_FD = 249, 250
PREPARED, SHARED = b"1", b"s"
OPEN_FILES = 256
STACK_BYTES = 64 << 20
DETAIL_CHARS = 300
CHECKER_FAILED = 3


def run(request: dict, files: list[int], setup: dict, page: series.Page, traces: series.Traces) -> NoReturn:
    """Become the program: descriptors, limits, scratch folder, then its code; ends in `os._exit`.

    Several inputs are run one after the other in this process where the program may share it (see screen); otherwise
    the first one alone.
    """
    job_file, output_file, result_file, tell_prepared, *inputs = files
    try:
        job = prepare(job_file, output_file, result_file, tell_prepared)
        shares = len(inputs) > 1
        take_inputs(job, inputs, shares)
        aside = range(series.FIRST_INPUT_FD, series.FIRST_INPUT_FD + len(inputs)) if shares else ()
        close_others([*setup["kept"], *aside])
        settle(request["limits"], len(inputs), setup)
        seed_generators(job)
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(1)
    os.write(PREPARED_FD, PREPARED)
    if job["kind"] == "checker":
        os.close(PREPARED_FD)
        run_as_checker(job, setup["scratch"])
    may_share, code = compiled(job, shares)
    if may_share:
        os.write(PREPARED_FD, SHARED)
        os.close(PREPARED_FD)
        series.run(job, code, screen.modules_in(job["program"]), len(inputs), page, traces)
    os.close(PREPARED_FD)
    if shares:
        alone(job, request["limits"], setup)
    page.memory.close()
    if job["kind"] == "stdin":
        run_as_main(job, code)
    run_as_function(job, code)


def prepare(job_file: int, output_file: int, result_file: int, tell_prepared: int) -> dict:
    """Read the job and put the descriptors of its output at their places."""
    os.setsid()
    with open(job_file, "rb", closefd=False) as handle:
        handle.seek(0)
        job = json.loads(handle.read())
    if job["kind"] == "call":
        output_file = os.open("/dev/null", os.O_RDWR)
    os.dup2(result_file, RESULT_FD, inheritable=False)
    os.dup2(tell_prepared, PREPARED_FD)
    os.dup2(output_file, 1)
    return job


def take_inputs(job: dict, inputs: list[int], shares: bool) -> None:
    """Put the inputs of a series aside; a single one becomes standard input, or the arguments of the job."""
    if shares:
        for number, descriptor in enumerate(inputs):
            os.dup2(descriptor, series.FIRST_INPUT_FD + number)
    else:
        read_input(job, inputs[0])


def read_input(job: dict, descriptor: int) -> None:
    """Make a file the input of a job that runs alone."""
    if job["kind"] == "call":
        with open(descriptor, "rb", closefd=False) as handle:
            job["args"] = json.loads(handle.read())
        descriptor = os.open("/dev/null", os.O_RDWR)
    os.dup2(descriptor, 0)


def alone(job: dict, limits: dict, setup: dict) -> None:
    """Give up on a series before any code of the program ran: the first input is the only one."""
    read_input(job, series.FIRST_INPUT_FD)
    close_others(setup["kept"])
    resource.setrlimit(resource.RLIMIT_CPU, (int(limits["cpu"]) + 2,) * 2)
    fresh_streams()


def settle(limits: dict, inputs: int, setup: dict) -> None:
    """Set the limits and the working folder."""
    set_limits(limits, inputs, setup)
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.chdir(setup["scratch"][0])
    confine(setup["landlock"])
    fresh_streams()


def close_others(kept: Iterable[int]) -> None:
    """Close all descriptors above 2 but those of the result and `kept`."""
    low = 3
    for high in sorted({PREPARED_FD, RESULT_FD, *kept}):
        if low < high:
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


def seed_generators(job: dict) -> None:
    """Seed the global random numbers anew where a program may use them: the zygote's fork tells nobody of itself."""
    if "random" in job["program"]:
        random.seed()
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()


def set_limits(limits: dict, inputs: int, setup: dict) -> None:
    """Set the resource limits of this process and its descendants, hard and soft, for a number of inputs."""
    wanted = [
        (resource.RLIMIT_AS, limits["address_space"]),
        (resource.RLIMIT_CPU, int(limits["cpu"] * inputs) + 2),
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


def compiled(job: dict, shares: bool) -> tuple[bool, types.CodeType]:
    """Whether the program may share a process, where that is asked, and its code; reports CE and ends without."""
    program = job["program"]
    try:
        if not shares or screen.plainly_harmless(program):
            return shares, compile(program, "main.py", "exec", dont_inherit=True)
        tree = ast.parse(program, "main.py")
        return screen.may_share(tree), compile(tree, "main.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        report({"verdict": "CE", "detail": brief(error)})
        os._exit(1)


def new_module(name: str) -> types.ModuleType:
    """An empty module for the program's code, loaded under `name`."""
    module = types.ModuleType(name)
    module.__file__ = "main.py"
    module.__dict__["__builtins__"] = __import__("builtins")
    sys.modules[name] = module
    return module


def forget_modules() -> None:
    """Unload the program's module."""
    for name in ("__main__", "solution"):
        sys.modules.pop(name, None)


def run_as_main(job: dict, code: types.CodeType) -> NoReturn:
    """Run as a script run by `python main.py`, up to and including what the interpreter does at its end."""
    module = new_module("__main__")
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


def finish_streams(module: types.ModuleType, original: Any, collect: bool = True) -> None:
    """Flush what a finishing interpreter would: the streams, then the files that die with the module.

    Args:
        collect: find the files that cycles keep alive as well; a program that may share a process has none.
    """
    if sys.stdout is not None and not getattr(sys.stdout, "closed", False):
        sys.stdout.flush()
    if sys.stdout is not original:
        sys.stdout = None
    module.__dict__.clear()
    if collect:
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


def run_as_function(job: dict, code: types.CodeType) -> NoReturn:
    """Import the program under a name that is not `__main__`, call its function once, report the plain value."""
    module = new_module("solution")
    leave, encode, dump, tell = os._exit, values.plain, json.dumps, report
    sys.setrecursionlimit(1000 + depth())
    try:
        exec(code, module.__dict__)
        arguments = [values.decode(argument) for argument in job["args"]]
        value = find_function(module, job["fn_name"])(*arguments)
    except BaseException as error:
        status = exit_status(error) or 1
        if isinstance(error, SystemExit):
            tell({"verdict": "RE", "detail": "the program ended before the function returned"})
        leave(status)
    sys.setrecursionlimit(20000)
    try:
        text = dump({"value": encode(value)})
    except values.NotPlain as error:
        text = dump({"other": str(error)})
    except BaseException as error:
        tell({"verdict": "MLE" if isinstance(error, MemoryError) else "RE", "detail": brief(error)})
        leave(1)
    try:
        write_result(text)
    except BaseException:
        leave(1)
    leave(0)


def run_as_checker(job: dict, scratch: list[str]) -> NoReturn:
    """Run a checker on the three texts of descriptor 0, put into files; its failures end with CHECKER_FAILED."""
    status = CHECKER_FAILED
    try:
        os.dup2(1, 2)
        names = checker_files(scratch)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        module = new_module("__main__")
        sys.argv[:] = ["checker.py", *names]
        exec(compile(job["program"], "checker.py", "exec", dont_inherit=True), module.__dict__)
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        if not isinstance(ending.code, int | None):
            print(ending.code, file=sys.stderr)
    except BaseException as error:
        # An interpreter would exit with 1 here, which from a checker means a wrong answer.
        print(brief(error), file=sys.stderr)
    try:
        sys.stdout.flush()
    finally:
        os._exit(status & 0xFF)


def checker_files(scratch: list[str]) -> list[str]:
    """Write input, output and answer from descriptor 0: a line with their lengths, then their bytes.

    The output goes to the last scratch folder and fills it at most, so that no program can make room run out for the
    others.
    """
    names = []
    with open(0, "rb", closefd=False) as payload:
        folders = (scratch[0], scratch[-1], scratch[0])
        lengths = map(int, payload.readline().split())
        for name, folder, length in zip(("input", "output", "answer"), folders, lengths, strict=True):
            names.append(os.path.join(folder, name))
            with open(names[-1], "wb") as copy:
                while length:
                    length -= copy.write(payload.read(min(length, 1 << 20)))
    return names


def find_function(module: types.ModuleType, name: str) -> Any:
    """`Solution().name` if the program has such a class, else the top-level function."""
    holder = module.__dict__.get("Solution")
    if holder is not None and hasattr(holder, name):
        return getattr(holder(), name)
    if name in module.__dict__:
        return module.__dict__[name]
    raise NameError(f"the program defines no function {name}")


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
    append_result(text)


def append_result(text: str) -> None:
    """Write to the result file."""
    data = memoryview(text.encode("ascii"))
    while data:
        data = data[os.write(RESULT_FD, data) :]
