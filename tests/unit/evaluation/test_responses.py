"""Responses made elsewhere, from a file or an endpoint on loopback, are scored like those of our own models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_benchmark import DOUBLE, WRONG, Made, byte_tokenizer, make, problem_row
from tests.loopback import Silent, served_on_loopback

from deepcoder.config.schema import Sampling
from deepcoder.errors import UserError
from deepcoder.evaluation.endpoint import Ask, Endpoint, collect
from deepcoder.evaluation.responses import read_responses
from deepcoder.files import read_json
from deepcoder.journal import Journal
from deepcoder.schemas.tests_store import TestsStore

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_response_tokens=1000)
PROBLEMS = [problem_row(name, None) for name in "ab"]
GOOD = [{"problem": name, "sample": sample, "text": DOUBLE} for name in "ab" for sample in range(2)]


def door(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


def file_of(folder: Path, lines: list[Any]) -> Path:
    path = folder / "easy.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_lines_in_any_order_become_samples_by_problem(tmp_path: Path) -> None:
    lines = [*GOOD[:3], {**GOOD[3], "problem": PROBLEMS[1]["id"], "text": "cut", "finish": "length"}]
    rows = read_responses(file_of(tmp_path, lines[::-1]), PROBLEMS, 2, lambda text: [len(text)])
    assert [(row["problem_id"], row["sample"]) for row in rows] == [(p["id"], n) for p in PROBLEMS for n in range(2)]
    assert (rows[3]["response"], rows[3]["finish"], rows[3]["token_ids"]) == ("cut", "length", [3])
    assert read_responses(file_of(tmp_path, lines), PROBLEMS, 2, None)[0]["token_ids"] is None


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (GOOD[:3], "1 of 4 responses are missing, the first is sample 1 of problem b"),
        ([*GOOD, GOOD[0]], "line 5: sample 0 of problem 'a' is there twice"),
        ([{**GOOD[0], "sample": 2}], "line 1: sample 2"),
        ([{**GOOD[0], "problem": "c"}], "line 1: the benchmark has no problem 'c'"),
        ([GOOD[0], {**GOOD[1], "finish": "tired"}], "line 2: expected"),
        ([{"problem": "a", "text": ""}], "line 1: expected"),
        ([[1]], "line 1: not an object"),
        ([{**GOOD[0], "text": "\ud800"}], "line 1: a text is not valid Unicode"),
    ],
)
def test_a_file_of_another_form_is_one_clear_error(tmp_path: Path, lines: list[Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_responses(file_of(tmp_path, lines), PROBLEMS, 2, None)


@given(st.binary(max_size=80))
def test_any_bytes_are_samples_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "easy.jsonl"
    path.write_bytes(data)
    with pytest.raises(UserError, match="easy.jsonl"):
        read_responses(path, PROBLEMS, 2, None)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    store = TestsStore(tmp_path / "tests")
    made = make(tmp_path, [problem_row(name, store) for name in "ab"], [])
    manifest = read_json(made.problems)
    made.problems.write_text(json.dumps(manifest | {"artifact": "problems"}))
    return made


def scored(made: Made, file: Path, context_tokens: int, *tokenizer: object) -> subprocess.CompletedProcess[str]:
    """Through the doors down to the scores; the first that fails."""
    samples, verdicts = made.root / "eval/samples.json", made.root / "eval/64k/verdicts.json"
    overrides = [f"evaluation.contexts.64k={context_tokens}", "evaluation.sampling.max_response_tokens=1000"]
    named = ["--benchmark", "easy", "--problems", made.problems]
    done = door(
        "import_responses.py", file, samples, "--responses", "made_elsewhere", *named,
        *(("--tokenizer", *tokenizer) if tokenizer else ()),
    )  # fmt: skip
    if done.returncode == 0:
        done = door(
            "grade.py", samples, verdicts, *named, "--context", "64k", "--model", "tiny", "--tests-store", made.store,
            *(("--model-manifest", *tokenizer) if tokenizer else ()), *overrides,
        )  # fmt: skip
    if done.returncode == 0:
        done = door("score.py", verdicts, made.root / "eval/64k/scores.json", *named, "--context", "64k")
    return done


def four(texts: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"problem": n, "sample": k, "text": text} for n, group in texts.items() for k, text in enumerate(group)]


def test_without_a_tokenizer_the_longest_context_alone_is_scored(made: Made) -> None:
    file = file_of(made.root, four({"a": [DOUBLE, DOUBLE, WRONG, "none"], "b": [WRONG] * 4}))
    done = scored(made, file, 1000)
    assert done.returncode == 0, done.stderr
    scores = read_json(made.root / "eval/64k/scores.json")
    assert (scores["value"], scores["counts"]["response_tokens_max"]) == (0.25, None)
    assert scores["identity"]["model"] == "made_elsewhere"
    assert scores["identity"]["sampling"] == {"temperature": 0.6, "top_p": 0.95, "made": "elsewhere"}
    assert scores["identity"]["prompt"] is None
    done = scored(made, file, 30)
    assert done.returncode == 1
    assert "cannot be cut to 64k" in done.stderr
    assert "Traceback" not in done.stderr


def test_with_a_tokenizer_shorter_contexts_cut(made: Made) -> None:
    file = file_of(made.root, four({"a": [DOUBLE, "Let me see.\n" * 8 + DOUBLE] * 2, "b": [WRONG] * 4}))
    done = scored(made, file, 60, made.tokenizer)
    assert done.returncode == 0, done.stderr
    counts = read_json(made.root / "eval/64k/scores.json")["counts"]
    assert (counts["correct"], counts["truncated"], counts["response_tokens_max"]) == (2, 2, 60)
    assert len(byte_tokenizer().encode(DOUBLE).ids) < 60


@contextmanager
def serving(statuses: list[int], **message: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An endpoint that answers with some statuses in turn, then with 200; yields its URL and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(Silent):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status = statuses.pop(0) if statuses else 200
            choice = {"message": {"content": f"seed {asked[-1]['seed']}", **message}, "finish_reason": "stop"}
            body = json.dumps({"choices": [choice]}).encode()
            self.answer(status, body)

    with served_on_loopback(Handler) as url:
        yield f"{url}/v1", asked


ASKS = [Ask("a", number, 100 + number, [{"role": "user", "content": "Double."}]) for number in range(5)]


def test_each_sample_is_asked_for_with_its_own_seed(tmp_path: Path) -> None:
    with serving([]) as (url, asked):
        lines = collect(Endpoint(url, "served", parallel=3), ASKS, SAMPLING, Journal(tmp_path / "part"))
    assert [(line["sample"], line["text"]) for line in lines] == [(n, f"seed {100 + n}") for n in range(5)]
    wanted = {"model": "served", "temperature": 0.6, "top_p": 0.95, "max_tokens": 1000}
    assert all(request | wanted == request for request in asked)
    assert sorted(request["seed"] for request in asked) == [100, 101, 102, 103, 104]


def test_a_busy_endpoint_is_asked_again_and_a_refusal_ends_it(tmp_path: Path) -> None:
    with serving([429, 503]) as (url, asked):
        collect(Endpoint(url, "m", parallel=1, wait_s=0.01), ASKS[:1], SAMPLING, Journal(tmp_path / "one"))
        assert len(asked) == 3
    with serving([401]) as (url, asked):
        with pytest.raises(UserError, match="status 401"):
            collect(Endpoint(url, "m", parallel=1), ASKS[:1], SAMPLING, Journal(tmp_path / "two"))
        assert len(asked) == 1


def test_an_interrupted_run_goes_on_with_what_it_lacks(tmp_path: Path) -> None:
    journal = tmp_path / "part"
    with serving([200, 200, 401]) as (url, _), pytest.raises(UserError):
        collect(Endpoint(url, "m", parallel=1), ASKS, SAMPLING, Journal(journal))
    with open(journal, "a") as handle:
        handle.write('{"problem": "a", "sam')  # killed while it wrote
    had = journal.read_text().count("\n")
    with serving([]) as (url, asked):
        lines = collect(Endpoint(url, "m", parallel=1), ASKS, SAMPLING, Journal(journal))
    assert had >= 2
    assert len(asked) == 5 - had
    assert [line["text"] for line in lines] == [f"seed {100 + n}" for n in range(5)]


def test_reasoning_that_a_server_took_out_goes_back_in_its_tags(tmp_path: Path) -> None:
    with serving([], reasoning_content="hm", content="so") as (url, _):
        [line] = collect(Endpoint(url, "m"), ASKS[:1], SAMPLING, Journal(tmp_path / "part"))
    assert line["text"] == "<think>\nhm\n</think>\nso"


def test_what_an_endpoint_gave_is_a_file_that_can_be_scored(made: Made) -> None:
    out = made.root / "responses/easy.jsonl"
    with serving([], content=DOUBLE) as (url, asked):
        done = door(
            "sample_endpoint.py", out, "--url", url, "--served", "m", "--benchmark", "easy", "--problems", made.problems
        )
    assert done.returncode == 0, done.stderr
    assert len(asked) == 8
    done = scored(made, out, 1000)
    assert done.returncode == 0, done.stderr
    assert read_json(made.root / "eval/64k/scores.json")["value"] == 1.0
