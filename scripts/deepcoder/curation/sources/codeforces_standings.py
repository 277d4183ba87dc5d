"""Frozen standings of Codeforces contests: who scored what, with the rating each had before, and all users' ratings.

Made once, with network, from the public API [codeforces.com/apiHelp] by contest.standings, contest.ratingChanges and
user.ratedList; scoring reads the file only. `files` of config/source/codeforces_standings.yaml pins its sha256. Each
contest is written down as it comes, so that a fetch which was interrupted goes on; a folder of DEEPCODER_MIRROR with
`codeforces/standings/<revision>/standings.json` takes the place of the network.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.errors import UserError
from deepcoder.files import atomic_path, link_or_copy, read_json, remove, sha256_file, write_json, write_text
from deepcoder.hub import MIRROR_VARIABLE

if TYPE_CHECKING:
    from deepcoder.curation.rows import Parsed, Rejected
    from deepcoder.curation.sandbox import Sandbox

FILE, PARTS = "standings.json", ".contests"
MIRRORED = "codeforces/standings"
TIMEOUT_S = 120
FIRST_WAIT_S = 4.0  # before a second try, doubled before each further one
LIMIT_WORDS = "limit exceeded"  # of the API, to who asks too often


class Api:
    """The API of codeforces.com, asked no oftener than it allows."""

    def __init__(self, url: str, pause_s: float, tries: int, first_wait_s: float = FIRST_WAIT_S) -> None:
        """
        Args:
            url: without a method.
            pause_s: least seconds between two requests.
            tries: requests for one answer before an error.
        """
        import requests

        self.url, self.pause_s, self.tries, self.first_wait_s = url.rstrip("/"), pause_s, tries, first_wait_s
        self._session = requests.Session()
        self._next = 0.0

    def ask(self, method: str, **words: str) -> Any:
        """The result of a method.

        Raises:
            UserError: the API refuses, or gives no answer after all tries.
        """
        import requests

        told = ""
        for attempt in range(self.tries):
            wait = self.first_wait_s * 2 ** (attempt - 1) if attempt else 0.0
            time.sleep(max(wait, self._next - time.monotonic()))
            self._next = time.monotonic() + self.pause_s
            try:
                answer = self._session.get(f"{self.url}/{method}", params=words, timeout=TIMEOUT_S)
                value = answer.json()
                if value["status"] == "OK":
                    return value["result"]
                told = str(value.get("comment", value["status"]))
                if answer.status_code < 500 and LIMIT_WORDS not in told.lower():
                    break
            except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
                told = " ".join(str(error).split())[:200]
        raise UserError(
            f"{self.url}/{method} {words}: no answer ({told}); run again, which goes on with the contests that it has"
        )


def fetch(source: Source, target: Path) -> list[Path]:
    """The frozen file: from a mirror where one is named, else from the API.

    Raises:
        UserError: it cannot be had.
    """
    file = target / FILE
    if file.is_file() and source.files.get(FILE) == sha256_file(file):
        return [file]
    if mirror := os.environ.get(MIRROR_VARIABLE):
        copy = Path(mirror) / MIRRORED / source.revision / FILE
        if not copy.is_file():
            raise UserError(f"{copy}: not in the mirror; fetch it where there is network and copy it there")
        with atomic_path(file) as temporary:
            link_or_copy(copy.resolve(), temporary)
        return [file]
    options = source.options
    api = Api(options["url"], options["pause_s"], options["tries"])
    frozen = freeze(api, [str(contest) for contest in options["contests"]], target / PARTS, options.get("histogram"))
    # In one line: hundreds of thousands of rows would be millions of lines.
    write_text(file, json.dumps(frozen, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n")
    remove(target / PARTS)
    return [file]


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """Nothing: standings hold no problems; scripts/score.py reads them as they are."""
    return iter(())


def freeze(api: Api, contests: Sequence[str], parts: Path, histogram: str | None = None) -> dict[str, Any]:
    """The content of the frozen file; what is in `parts` is not asked for again.

    Args:
        histogram: a file of users by rating that takes the place of today's.
    """
    found = {}
    for name in contests:
        part = parts / f"{name}.json"
        if not part.exists():
            standings = api.ask("contest.standings", contestId=name, showUnofficial="false")
            changes = api.ask("contest.ratingChanges", contestId=name)
            write_json(part, contest_entry(name, standings, changes))
        found[name] = read_json(part)
    part = Path(histogram) if histogram else parts / "histogram.json"
    if not part.exists() and not histogram:
        write_json(part, histogram_of(api.ask("user.ratedList", activeOnly="true", includeRetired="false")))
    return {"contests": found, "histogram": read_json(part)}


def contest_entry(name: str, standings: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A contest of the frozen file, of the official participants whose rating it changed.

    Rows are in the order of points falling and penalty rising; those of a team have no rating of their own.

    Raises:
        UserError: the answers are not of the form that the API describes, or no row has a rating.
    """
    try:
        before = {change["handle"]: float(change["oldRating"]) for change in changes}
        problems = {problem["index"]: problem.get("points") for problem in standings["problems"]}
        rows = [
            [float(row["points"]), float(row["penalty"]), before[handle]]
            for row in standings["rows"]
            for handle in [_single(row["party"])]
            if handle in before
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"contest {name}: an answer of the API is malformed ({error!r}); run again") from error
    if not rows:
        raise UserError(f"contest {name}: none of its participants was rated; take it out of options.contests")
    return {"problems": problems, "rows": sorted(rows, key=lambda row: (-row[0], row[1], -row[2]))}


def histogram_of(users: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Number of users by rating."""
    try:
        counts = Counter(int(user["rating"]) for user in users)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"user.ratedList: an answer of the API is malformed ({error!r}); run again") from error
    return {str(rating): counts[rating] for rating in sorted(counts)}


def _single(party: Mapping[str, Any]) -> str | None:
    members = party["members"]
    return str(members[0]["handle"]) if len(members) == 1 else None
