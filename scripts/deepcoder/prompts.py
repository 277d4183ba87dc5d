"""What a model is asked, shared by training and evaluation; no torch.

A problem becomes a message (by the style of its source or benchmark), a message becomes a prompt (by the model:
plain text for a model without a chat format, else the tokenizer's own chat template). Only LiveCodeBench's own styles
have a system message; the authors used none [agentica-project/rllm@874daa4 scripts/data/deepcoder_dataset.py].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import sha256_json

STYLES = ("plain", "livecodebench", "livecodebench_r1", "livecodebench_released", "humaneval", "mathematics")

# The texts of LiveCodeBench [github.com/LiveCodeBench/LiveCodeBench@28fef95, lcb_runner/prompts/code_generation.py].
_LCB_TASK = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests."
)
_LCB_R1_SYSTEM = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>."
)
_LCB_R1_TASK = (
    "You will be given a question (problem specification) and will generate a correct Python program that matches the "
    "specification and passes all tests."
)
_LCB_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
_LCB_STDIN = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the "
    "inputs, runs the algorithm and writes output to STDOUT."
)
_MATHEMATICS = "Let's think step by step and output the final answer within \\boxed{}."


def training_style(source: str) -> str:
    """LiveCodeBench problems get the wrapper of the release, every other source is passed raw (as published)."""
    return "livecodebench_released" if source == "livecodebench" else "plain"


def system_message(style: str) -> str:
    """What is said to a model before the message of a problem; "" for nothing."""
    return {"livecodebench": _LCB_TASK, "livecodebench_r1": _LCB_R1_SYSTEM}.get(style, "")


def message(problem: Mapping[str, Any], style: str) -> str:
    """The text that a user would write for a row of schemas.problem.PROBLEM.

    Three styles are LiveCodeBench's: `livecodebench` as it asks chat models in general, `livecodebench_r1` as it asks
    models of the family of DeepSeek-R1, `livecodebench_released` as the authors changed the first: the system message
    leads the message and the heading "### Question" is gone.

    Raises:
        UserError: an unknown style.
    """
    statement, starter = problem["statement"].strip(), (problem.get("starter_code") or "").strip("\n")
    if style == "plain":
        return f"{statement}\n\n{starter}" if starter else statement
    if style.startswith("livecodebench"):
        return _livecodebench(statement, starter, style)
    if style == "humaneval":
        stub = starter or statement
        return f"Complete this Python function. Answer with the whole program.\n```python\n{stub}\n```"
    if style == "mathematics":
        return f"{statement} {_MATHEMATICS}"
    raise UserError(f"prompt style {style!r} is unknown; choose one of {', '.join(STYLES)}")


def prompt_id(style: str) -> str:
    """A style with a digest of all that it says, so that equal ids are equal prompts."""
    probes = [{"statement": "statement", "starter_code": starter} for starter in ("", "starter")]
    said = [system_message(style), *(message(probe, style) for probe in probes)]
    return f"{style}@{sha256_json(said)[:8]}"


def plain_prompt(text: str, system: str = "") -> str:
    """The prompt of a model without a chat format."""
    return f"{system}\n\n{text}\n" if system else f"{text}\n"


def turns(text: str, system: str = "") -> list[dict[str, str]]:
    """A message as a conversation, for a chat template or an endpoint."""
    first = [{"role": "system", "content": system}] if system else []
    return [*first, {"role": "user", "content": text}]


def fenced_response(program: str, thought: str) -> str:
    """A response as a thinking model writes it: the thought in tags, then the program in a fence."""
    return f"<think>\n{thought}\n</think>\n```python\n{program.strip()}\n```"


def _livecodebench(statement: str, starter: str, style: str) -> str:
    how, fence = (_LCB_STARTER, starter) if starter else (_LCB_STDIN, "# YOUR CODE HERE")
    if style == "livecodebench_r1":
        return f"{_LCB_R1_TASK}\n\nQuestion: {statement}\n\n{how}\n```python\n{fence}\n```\n\n"
    lead = {"livecodebench": "### Question:\n", "livecodebench_released": f"{_LCB_TASK}\n\n"}.get(style)
    if lead is None:
        raise UserError(f"prompt style {style!r} is unknown; choose one of {', '.join(STYLES)}")
    answer = "### Answer: (use the provided format with backticks)"
    return f"{lead}{statement}\n\n### Format: {how}\n```python\n{fence}\n```\n\n{answer}\n\n"
