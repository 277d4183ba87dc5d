"""Frozen standings are made from an API on loopback that is slow to answer, refuses, and breaks off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.loopback import Silent, served_on_loopback

from deepcoder.config.schema import Source
from deepcoder.curation.fetching import write_raw
from deepcoder.curation.sources import codeforces_standings
from deepcoder.curation.sources.codeforces_standings import Api, contest_entry, freeze
from deepcoder.errors import UserError
from deepcoder.evaluation.elo import load_standings
from deepcoder.files import sha256_file
from deepcoder.hub import MIRROR_VARIABLE

LIMIT = {"status": "FAILED", "comment": "Call limit exceeded"}


def row(points: float, penalty: float, *handles: str) -> dict:
    return {"points": points, "penalty": penalty, "party": {"members": [{"handle": handle} for handle in handles]}}


STANDINGS = {
    "problems": [{"index": "A", "points": 500.0}, {"index": "B"}],
    "rows": [row(500, 9, "slow"), row(500, 3, "quick"), row(900, 0, "two", "heads"), row(800, 0, "guest")],
}
CHANGES = [{"handle": "slow", "oldRating": 1500}, {"handle": "quick", "oldRating": 1400}]
USERS = [{"rating": 1400}, {"rating": 1500}, {"rating": 1400}, {"rating": -3}]
ENTRY = {"problems": {"A": 500.0, "B": None}, "rows": [[500.0, 3.0, 1400.0], [500.0, 9.0, 1500.0]]}


@contextmanager
def serving(answers: dict[str, list[object]]) -> Iterator[tuple[str, list[str]]]:
    """An API that gives the answers of a method in turn, the last one for ever; yields its URL and the requests."""
    asked: list[str] = []

    class Handler(Silent):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            method, words = parts.path.rsplit("/", 1)[1], parse_qs(parts.query)
            asked.append(" ".join([method, *words.get("contestId", [])]))
            left = answers[method]
            value = left.pop(0) if len(left) > 1 else left[0]
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.answer(503 if isinstance(value, bytes) else 200, body)

    with served_on_loopback(Handler) as url:
        yield f"{url}/api", asked


def ok(result: object) -> dict[str, object]:
    return {"status": "OK", "result": result}


def sound() -> dict[str, list[object]]:
    return {
        "contest.standings": [ok(STANDINGS)],
        "contest.ratingChanges": [ok(CHANGES)],
        "user.ratedList": [ok(USERS)],
    }


def source(url: str, contests: list[int], **other: object) -> Source:
    options = {"url": url, "pause_s": 0.0, "tries": 2, "contests": contests, "histogram": None}
    return Source(kind="api", role="benchmark", revision="v1", licence="none", options={**options, **other})


def test_only_rated_participants_without_a_team_are_kept_in_the_contests_order() -> None:
    assert contest_entry("1", STANDINGS, CHANGES) == ENTRY


def test_the_frozen_file_is_what_the_rating_reads(tmp_path: Path) -> None:
    with serving(sound()) as (url, asked):
        [file] = codeforces_standings.fetch(source(url, [7, 8]), tmp_path)
    assert sorted(asked) == sorted(
        ["contest.standings 7", "contest.ratingChanges 7", "contest.standings 8", "contest.ratingChanges 8",
         "user.ratedList"]
    )  # fmt: skip
    manifest = write_raw(tmp_path / "manifest.json", "codeforces_standings", source("", []), [file])
    assert manifest.files["standings.json"]["sha256"] == sha256_file(file)
    assert manifest.facts["rows"] == 1
    contests, histogram = load_standings(file)
    assert sorted(contests) == ["7", "8"]
    assert contests["7"].rows == [(500.0, 3.0, 1400.0), (500.0, 9.0, 1500.0)]
    assert histogram == {-3.0: 1, 1400.0: 2, 1500.0: 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "standings.json"]


def test_an_interrupted_fetch_goes_on_with_the_contests_that_it_lacks(tmp_path: Path) -> None:
    broken = sound() | {"contest.ratingChanges": [ok(CHANGES), {"status": "FAILED", "comment": "contest 8 not found"}]}
    with serving(broken) as (url, _), pytest.raises(UserError, match="contest 8 not found"):
        codeforces_standings.fetch(source(url, [7, 8]), tmp_path)
    assert not (tmp_path / "standings.json").exists()
    with serving(sound()) as (url, asked):
        [file] = codeforces_standings.fetch(source(url, [7, 8]), tmp_path)
    assert "contest.standings 7" not in asked
    with serving(sound()) as (url, asked):
        [whole] = codeforces_standings.fetch(source(url, [7, 8]), tmp_path / "other")
    assert file.read_bytes() == whole.read_bytes()


def test_a_busy_api_is_asked_again_and_a_refusal_is_not(tmp_path: Path) -> None:
    with serving({"user.ratedList": [LIMIT, b"<html>busy", ok([1])]}) as (url, asked):
        assert Api(url, 0.0, 3, first_wait_s=0.01).ask("user.ratedList") == [1]
        assert len(asked) == 3
    with serving({"user.ratedList": [{"status": "FAILED", "comment": "no"}]}) as (url, asked):
        with pytest.raises(UserError, match="no answer"):
            Api(url, 0.0, 3, first_wait_s=0.01).ask("user.ratedList")
        assert len(asked) == 1


def test_requests_keep_their_distance(tmp_path: Path) -> None:
    with serving(sound()) as (url, _):
        api, start = Api(url, 0.2, 1), time.monotonic()
        for _ in range(3):
            api.ask("user.ratedList")
    assert time.monotonic() - start >= 0.4


def test_a_histogram_of_another_day_may_be_named(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text('{"1200": 5}')
    with serving(sound()) as (url, asked):
        assert freeze(Api(url, 0.0, 1), ["7"], tmp_path / "parts", str(file))["histogram"] == {"1200": 5}
    assert "user.ratedList" not in asked


def test_a_pinned_file_that_is_there_and_a_mirror_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror/codeforces/standings/v1"
    mirror.mkdir(parents=True)
    (mirror / "standings.json").write_text("{}")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    nowhere = source("http://127.0.0.1:9/api", [7])
    [file] = codeforces_standings.fetch(nowhere, tmp_path / "target")
    monkeypatch.delenv(MIRROR_VARIABLE)
    nowhere.files = {"standings.json": sha256_file(file)}
    assert codeforces_standings.fetch(nowhere, tmp_path / "target") == [file]


@pytest.mark.parametrize(
    ("standings", "changes"),
    [({}, CHANGES), (STANDINGS, [{"handle": "slow"}]), (STANDINGS, []), ({**STANDINGS, "rows": [1]}, CHANGES)],
)
def test_answers_of_another_form_are_one_clear_error(standings: dict, changes: list) -> None:
    with pytest.raises(UserError, match="contest 7"):
        contest_entry("7", standings, changes)
