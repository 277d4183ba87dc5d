"""A table as Markdown and as LaTeX: every character of a cell shown as it is, every number with its address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from deepcoder.report.csv_files import NOT_RUN
from deepcoder.report.paper.values import Table, Text

MARK = "†"  # of what was published
NOTE = f"{MARK} published by others, not measured here."
IN_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~&$])")
IN_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "±": r"$\pm$", "×": r"$\times$", "→": r"$\to$", "·": r"$\cdot$", "−": "$-$", MARK: r"\dag{}",
    "[": "{[}", "]": "{]}", "`": r"\textasciigrave{}", '"': r"\textquotedbl{}",
}  # fmt: skip


def markdown(table: Table) -> str:
    """A pipe table under its title; the address of the whole is the last line."""
    heading = [f"**{markdown_text(table.title)}**", ""]
    if not table.rows:
        return "\n".join([*heading, NOT_RUN]) + "\n"
    lines = [_pipes(markdown_text(column) for column in table.columns), _pipes(_rule(table))]
    lines += [_pipes(_cell(cell, table, markdown_text, "`{}`") for cell in row) for row in table.rows]
    return "\n".join([*heading, *lines, "", *_notes(table, markdown_text, "Source: `{}`.")]) + "\n"


def latex(table: Table) -> str:
    """A floating table for booktabs; compiles with inputenc's utf8, which is LaTeX's default."""
    head, foot = [r"\begin{table}", r"\centering", rf"\caption{{{latex_text(table.title)}}}"], [r"\end{table}"]
    if not table.rows:
        return "\n".join([*head, NOT_RUN, *foot]) + "\n"
    columns = "l" * table.names + "r" * (len(table.columns) - table.names)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _ampersands(map(latex_text, table.columns)), r"\midrule"]
    small = r"{{\tiny\texttt{{{}}}}}"
    lines += [_ampersands(_cell(cell, table, latex_text, small) for cell in row) for row in table.rows]
    notes = [rf"\par\footnotesize {note}" for note in _notes(table, latex_text, r"Source: \texttt{{{}}}.")]
    return "\n".join([*head, *lines, r"\bottomrule", r"\end{tabular}", *notes, *foot]) + "\n"


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is, in a cell of a table too."""
    return IN_MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def latex_text(text: str) -> str:
    """Text that LaTeX shows as it is."""
    shown = "".join(IN_LATEX.get(letter, letter) for letter in " ".join(text.split()))
    return re.sub("-(?=-)", "-{}", shown)  # two hyphens would become a dash


def _cell(cell: Text, table: Table, escape: Callable[[str], str], small: str) -> str:
    text = escape(cell.text) + (escape(MARK) if cell.published and cell.text else "")
    text += f" ({escape(cell.note)})" if cell.note else ""
    own = cell.address if cell.address != table.address else ""
    # Code in Markdown is shown as it stands; an address has no character that could end it.
    address = own if escape is markdown_text else escape(own)
    return f"{text} {small.format(address)}" if own else text


def _notes(table: Table, escape: Callable[[str], str], source: str) -> Sequence[str]:
    published = any(cell.published for row in table.rows for cell in row)
    address = table.address if escape is markdown_text else escape(table.address)
    return [*([source.format(address)] if address else []), *([escape(NOTE)] if published else [])]


def _rule(table: Table) -> list[str]:
    return ["---" if place < table.names else "---:" for place in range(len(table.columns))]


def _pipes(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ampersands(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
