"""The rule about problems of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from deepcoder.config.schema import Curation
from deepcoder.curation.rules.evidence import Evidence, Removed, Row, named, pair
from deepcoder.curation.similar import near_matches


def contamination(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose statement or URL is that of a benchmark's problem."""
    if not config.decontamination.enabled:
        return {}
    removed: Removed = {}
    statements = {row["id"]: row["statement"] for row in rows}
    for name, problems in sorted(evidence.benchmarks.items()):
        known = {row["id"]: row for row in problems}
        targets = {row["id"]: row["statement"] for row in problems}
        matches = near_matches(statements, targets, config.decontamination)
        evidence.pairs += [pair("contamination", *match, benchmark=name) for match in matches]
        for identity, other, score in sorted(matches, key=lambda match: (-match[2], match)):
            removed.setdefault(identity, f"{name}: similar to {named(known[other])} (similarity {score:.3f})")
        urls = {row["url"]: row for row in problems if row["url"]}
        for row in rows:
            if row["url"] in urls:
                removed.setdefault(row["id"], f"{name}: same URL as {named(urls[row['url']])}")
    return removed
