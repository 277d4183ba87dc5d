"""The paper as PDF: the template compiled by Typst from bytes alone; no file, font or clock of this machine counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typst

from deepcoder.errors import UserError
from deepcoder.report.paper.values import Figure, Values, to_json

MAIN, VALUES = "paper.typ", "values.json"


def compile_paper(template: Sequence[Path], values: Values, kind: str = "pdf", **options: Any) -> Any:
    """The pages; the same values and template give the same bytes.

    Args:
        template: files of the template, among them paper.typ.
        kind: "pdf", or "png" for a list of pages.

    Raises:
        UserError: no paper.typ, or a template that does not compile, as one that uses a key that `values` lack.
    """
    if MAIN not in [path.name for path in template]:
        raise UserError(f"--template: {MAIN} is missing; give config/paper/*.typ")
    project = files_of(values) | {path.name: path.read_bytes() for path in template}
    # Typst takes main.typ as the document.
    project["main.typ"] = project.pop(MAIN)
    compiler: Any = typst.compile  # its stubs leave out that a document may be given as files by name
    try:
        return compiler(project, format=kind, ignore_system_fonts=True, **options)
    except typst.TypstError as error:
        raise UserError(f"{MAIN}: does not compile ({error.message}); mend the template\n{error.diagnostic}") from error


def files_of(values: Values) -> dict[str, bytes]:
    """What the template reads: values.json, and each drawing by its name."""
    drawn = [value.path for value in values.values() if isinstance(value, Figure) and value.path]
    text = json.dumps(to_json(values), ensure_ascii=False)
    return {VALUES: text.encode()} | {path.name: path.read_bytes() for path in drawn}
