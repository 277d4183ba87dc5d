"""Make artifacts that take seconds again and compare: samples from shards, scores from verdicts, tables and paper."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deepcoder.files import read_json, sha256_file
from deepcoder.provenance.record import OVERRIDES_VARIABLE, record_path

DOORS = (
    "gather_samples.py",
    "gather_difficulty.py",
    "score.py",
    "summarise.py",
    "account.py",
    "compare_recipes.py",
    "compare_curations.py",
    "compare_models.py",
    "typeset.py",
)
THREADS = 4


def rederive(records: Iterable[Mapping[str, Any]], scripts: Path) -> list[str]:
    """Faults of the artifacts that quick doors make, each made once more by its recorded command.

    Args:
        scripts: folder of the doors that are asked now.
    """
    chosen = [record for record in records if record["door"] in DOORS]
    with ThreadPoolExecutor(THREADS) as threads:
        return [fault for faults in threads.map(lambda record: _faults(record, scripts), chosen) for fault in faults]


def _faults(record: Mapping[str, Any], scripts: Path) -> list[str]:
    outputs = [Path(item["path"]) for item in record["outputs"]]
    with tempfile.TemporaryDirectory() as folder:
        for output in outputs:
            mirror(Path(folder), output)
        command = [sys.executable, str(scripts.resolve() / record["door"]), *record["command"][1:]]
        environment = {**os.environ, OVERRIDES_VARIABLE: json.dumps(record["overrides"])}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            told = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
            return [f"{outputs[0]}: cannot be made again ({told})"]
        made = {output: Path(folder, output) for output in outputs}
        again = {output: sha256_file(path) for output, path in made.items() if path.exists()}
        now = read_json(record_path(made[outputs[0]])) if made[outputs[0]].exists() else {}
    found = [
        f"{output}: its inputs give other bytes than it has"
        for output in outputs
        if not output.exists() or sha256_file(output) != again.get(output)
    ]
    if now and now["config_digest"] != record["config_digest"]:
        found.append(f"{outputs[0]}: was made under another configuration than its command gives now")
    if now and now["inputs"] != record["inputs"]:
        found.append(f"{outputs[0]}: was made from other inputs than its command names")
    return found


def mirror(root: Path, output: Path) -> None:
    """Make the working folder visible below `root`, with the folder of `output` as a real one to write to."""
    here = Path()
    for part in [*output.parent.parts, ""]:
        for entry in here.iterdir():
            place = root / entry
            if entry not in (output, record_path(output)) and not os.path.lexists(place):
                place.symlink_to(entry.resolve())
        here = here / part
        place = root / here
        if place.is_symlink():
            place.unlink()
        place.mkdir(exist_ok=True)
