"""Rows in the true formats of the paper's datasets."""

import base64
import json
import pickle
import zlib

from deepcoder.config.schema import Source


def hub_source(**changes: object) -> Source:
    values = {"kind": "hub", "role": "train", "hub_id": "owner/name", "revision": "abc", "licence": "MIT", **changes}
    return Source(**values)


def packed(value: object) -> str:
    """Private tests as LiveCodeBench stores them."""
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def taco_row(**changes: object) -> dict:
    pairs = {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]}
    row = {
        "id": 7,
        "question": "Double the number.",
        "solutions": json.dumps(["print(2 * int(input()))"]),
        "input_output": json.dumps(pairs),
        "starter_code": "",
        "url": "https://example.org/7",
        "date": "2019-12-31T00:00:00",
        "time_limit": "2.0 seconds",
    }
    return {**row, **changes}


def primeintellect_row(**changes: object) -> dict:
    cases = [{"type": "stdin_stdout", "input": "1\n", "output": "2\n", "fn_name": None}]
    row = {
        "problem_id": "vcp-1",
        "prompt": "Double the number.",
        "gold_standard_solution": "```python\nprint(2 * int(input()))\n```",
        "verification_info": repr({"language": "python", "test_cases": cases}),
    }
    return {**row, **changes}


def livecodebench_row(**changes: object) -> dict:
    public = [{"input": "1\n", "output": "2\n", "testtype": "stdin"}]
    row = {
        "question_id": "abc301_a",
        "question_content": "Double the number.",
        "public_test_cases": json.dumps(public),
        "private_test_cases": packed(json.dumps([{"input": "3\n", "output": "6\n", "testtype": "stdin"}])),
        "contest_date": "2023-05-13T00:00:00",
        "starter_code": "",
        "metadata": "{}",
    }
    return {**row, **changes}


def humaneval_row(**changes: object) -> dict:
    row = {
        "task_id": "HumanEval/900",
        "prompt": "def half(x):\n",
        "entry_point": "half",
        "canonical_solution": "    return x / 2\n",
        "test": "def check(candidate):\n    assert candidate(3) == 1.5\n    assert abs(candidate(1) - 0.5) < 1e-6\n",
    }
    return {**row, **changes}


def codeio_row(**changes: object) -> dict:
    row = {
        "task_description": "Sum of two numbers.",
        "input_output_spec": "Input: a, b",
        "code_sample": "def main_solution(a, b):\n    return {'sum': a + b}\n",
        "input_generator": "def generate_inputs(rng: Random) -> dict:\n"
        "    return {'b': rng.randint(0, 9**9), 'a': rng.randint(0, 9**9)}\n",
    }
    return {**row, **changes}


def codeforces_row(**changes: object) -> dict:
    row = {
        "problem_id": "1971A",
        "description": "Two integers.",
        "input": "x and y",
        "output": "the smaller first",
        "note": None,
        "examples": [["1 9\n", "1 9\n"]],
        "time_limit_ms": 1500,
    }
    return {**row, **changes}


def aime_row(**changes: object) -> dict:
    return {"id": 60, "problem": "Find it.", "answer": "073", "url": "u", **changes}
