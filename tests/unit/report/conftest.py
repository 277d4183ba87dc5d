"""One made results tree with its report, shared by the tests that only read it."""

from __future__ import annotations

import pytest
from made_results import Results


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Results:
    results = Results(tmp_path_factory.mktemp("made") / "results" / "smoke")
    page = results.report / "index.html"
    steps = (results.summarise, results.account, results.compare, lambda: results.plot(*results.figures))
    for step in (*steps, lambda: results.render(page)):
        done = step()
        assert done.returncode == 0, done.stderr
    return results
