"""The data as the paper prints it: what each rule of the curation has removed from each source."""

from __future__ import annotations

from collections.abc import Mapping

from deepcoder.report.paper.values import MISSING, Library, Rows, Table, Text, Values, words
from deepcoder.report.tables import HELD_BACK

TOTAL = "all"  # of a funnel: its rows over all sources


def funnel_table(library: Library) -> Table:
    """Rules by sources: rows in, removed by each rule and kept, with the published counts below."""
    rows = library.tables.get("funnel", ())
    sources = list(dict.fromkeys(row["source"] for row in rows))
    by_rule = {(row["source"], row["rule"]): row for row in rows}
    lines = [_counts("rows in", [_ends(rows, source)["rows_in"] for source in sources])] if rows else []
    for rule in dict.fromkeys(row["rule"] for row in rows):
        label = "held back for validation" if rule == HELD_BACK else f"− {words(rule)}"
        lines.append(_counts(label, [by_rule[source, rule]["removed"] for source in sources]))
    if rows:
        lines.append(_counts("kept for training", [_ends(rows, source)["rows_out"] for source in sources]))
    for column, label in (("rows_in", "published, rows in"), ("rows_out", "published, kept")):
        found = [_published(library, rows, source, column) for source in sources]
        lines += [[Text(label), *found]] if any(cell.text for cell in found) else []
    columns = ["Rule", *(words(source) for source in sources)]
    return Table("Problems removed by each rule of the curation", columns, lines, _address(library))


def data_texts(library: Library) -> Values:
    """Sources, and problems in, held back and kept, over all."""
    rows = library.tables.get("funnel", ())
    address = _address(library)
    names = ", ".join(words(name) for name in dict.fromkeys(row["source"] for row in rows) if name != TOTAL)
    ends = _ends(rows, TOTAL)
    held = next((row["removed"] for row in rows if (row["source"], row["rule"]) == (TOTAL, HELD_BACK)), "")
    return {
        "data.sources": Text(names, address) if names else MISSING,
        "data.rows_in": _count(ends["rows_in"], address),
        "data.kept": _count(ends["rows_out"], address),
        "data.validation": _count(held, address),
        "data.published": _published_kept(library),
    }


def _published_kept(library: Library) -> Text:
    rows = library.published.get("funnel", ())
    found = [row for row in rows if (row["dataset"], row["source"]) == ("train", TOTAL)]
    if not found:
        return MISSING
    text = f"{int(found[0]['rows_out']):,} [{found[0]['source_key']}]"
    return Text(text, library.of("published/funnel"), published=True)


def _ends(rows: Rows, source: str) -> Mapping[str, str]:
    """Rows that went in and out of a source."""
    own = [row for row in rows if row["source"] == source]
    return {"rows_in": own[0]["rows_in"], "rows_out": own[-1]["rows_out"]} if own else {"rows_in": "", "rows_out": ""}


def _counts(label: str, counts: list[str]) -> list[Text]:
    return [Text(label), *(Text(f"{int(count):,}") for count in counts)]


def _count(count: str, address: str) -> Text:
    return Text(f"{int(count):,}", address) if count else MISSING


def _published(library: Library, rows: Rows, source: str, column: str) -> Text:
    """What funnel.csv has as published before the first rule of a source, or after its last that removes for good."""
    own = [row for row in rows if row["source"] == source and row["rule"] != HELD_BACK]
    chosen, name = (own[:1], "published_in") if column == "rows_in" else (own[-1:], "published_out")
    found = [row for row in chosen if row[name]]
    if not found:
        return Text("")
    text = f"{int(found[0][name]):,} [{found[0]['published_source']}]"
    return Text(text, library.of("published/funnel"), published=True)


def _address(library: Library) -> str:
    return library.address(library.curation) or library.of("funnel")
