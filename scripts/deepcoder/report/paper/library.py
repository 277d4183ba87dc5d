"""Everything that a document is made from, read with its hashes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepcoder.files import sha256_file
from deepcoder.report.csv_files import read_csv
from deepcoder.report.paper.values import Library
from deepcoder.report.published import load_published


def read_library(
    *,
    scale: str,
    tables: Sequence[Path],
    published: Sequence[Path],
    scores: Sequence[Path] = (),
    stages: Sequence[Path] = (),
    figures: Sequence[Path] = (),
    curation: Path | None = None,
    config: Mapping[str, Any] | None = None,
) -> Library:
    """See Library; of figures the SVG files."""
    named = {path.stem: path for path in tables}
    named |= {f"published/{path.stem}": path for path in published}
    named |= {f"figures/{path.stem}": path for path in figures if path.suffix == ".svg"}
    given = [*named.values(), *scores, *stages, *([curation] if curation else [])]
    return Library(
        hashes={os.path.normpath(path): sha256_file(path) for path in given},
        tables={path.stem: read_csv(path) for path in tables},
        published=load_published(published, scale).tables,
        paths=named,
        stages=stages,
        curation=curation,
        config=config or {},
    )
