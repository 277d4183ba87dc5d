"""Responses of a model behind an OpenAI-compatible endpoint (`/chat/completions`), one request for each sample.

A sample that has come is written down at once, so that an interrupted run goes on with those that it lacks. An
endpoint promises nothing about equal seeds, so what it gave is kept as a file and scored like any other input.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from deepcoder.config.schema import Sampling
from deepcoder.errors import UserError
from deepcoder.journal import Journal

KEY_VARIABLE = "OPENAI_API_KEY"  # sent as a bearer token where it is set
TIMEOUT_S = 3600.0  # of one response; a thinking model may take long
AGAIN = (408, 409, 425, 429)  # statuses after which asking again may help, beside those of the server's own faults


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served.

    Attributes:
        url: up to and with the version, as http://127.0.0.1:8000/v1.
        model: its name there.
        parallel: requests at a time.
        tries: requests for one response before an error.
        wait_s: seconds before the second try, doubled before each further one.
    """

    url: str
    model: str
    parallel: int = 8
    tries: int = 6
    wait_s: float = 2.0


@dataclass(frozen=True)
class Ask:
    """One response wanted."""

    problem: str
    sample: int
    seed: int
    turns: Sequence[Mapping[str, str]]


def collect(endpoint: Endpoint, asks: Sequence[Ask], sampling: Sampling, journal: Journal) -> list[dict[str, Any]]:
    """Lines as evaluation/responses.py reads them, in the order of `asks`; what `journal` holds is not asked again.

    Raises:
        UserError: the endpoint refuses, or gives no answer after all tries; what has come is kept.
    """
    found = {(line["problem"], line["sample"]): line for line in journal.read()}
    missing = [ask for ask in asks if (ask.problem, ask.sample) not in found]
    lock = threading.Lock()

    def one(ask: Ask) -> None:
        line = _ask(endpoint, ask, sampling)
        with lock:
            journal.add(line)
            found[ask.problem, ask.sample] = line

    with ThreadPoolExecutor(endpoint.parallel) as threads:
        futures = [threads.submit(one, ask) for ask in missing]
        try:
            for future in futures:
                future.result()
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    return [found[ask.problem, ask.sample] for ask in asks]


def _ask(endpoint: Endpoint, ask: Ask, sampling: Sampling) -> dict[str, Any]:
    import requests

    body: Any = {
        "model": endpoint.model,
        "messages": list(ask.turns),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_response_tokens,
        "seed": ask.seed,
    }
    key = os.environ.get(KEY_VARIABLE)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    told = ""
    for attempt in range(endpoint.tries):
        if attempt:
            time.sleep(endpoint.wait_s * 2 ** (attempt - 1))
        try:
            url = f"{endpoint.url.rstrip('/')}/chat/completions"
            answer = requests.post(url, json=body, headers=headers, timeout=TIMEOUT_S)
            if answer.status_code == 200:
                return _line(ask, answer.json()["choices"][0])
            told = f"status {answer.status_code}: {' '.join(answer.text.split())[:200]}"
            if answer.status_code < 500 and answer.status_code not in AGAIN:
                break
        except (requests.RequestException, ValueError, KeyError, IndexError, TypeError) as error:
            told = " ".join(repr(error).split())[:200]
    raise UserError(
        f"{endpoint.url}: no response for sample {ask.sample} of problem {ask.problem} ({told}); run again, which goes "
        "on with those that are missing"
    )


def _line(ask: Ask, choice: Mapping[str, Any]) -> dict[str, Any]:
    """A choice as a line; what a server has taken out as reasoning goes back in front, in its tags."""
    said = choice["message"]
    thought, text = said.get("reasoning_content") or said.get("reasoning"), said.get("content") or ""
    prompt = "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in ask.turns)
    end = "</think>\n" if text or choice["finish_reason"] == "stop" else ""
    return {
        "problem": ask.problem,
        "sample": ask.sample,
        "text": f"<think>\n{thought}\n{end}{text}" if thought else text,
        "finish": "stop" if choice["finish_reason"] == "stop" else "length",
        "prompt": prompt,
    }
