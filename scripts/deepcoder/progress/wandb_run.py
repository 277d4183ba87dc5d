"""A stage as one run of Weights & Biases, however often it was interrupted."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from deepcoder.files import read_json, write_json
from deepcoder.progress.stage import Step, read_log
from deepcoder.rl.progress_log import NAME

STATE = "wandb.json"
CONNECT_SECONDS = 20.0  # less than a stage waits at its end (rl/boards.py), so that its curves are kept offline then


class WandbRun:
    """The run of one stage.

    Its id and the last step that it has been told of lie in the stage's work folder, which goes when another stage
    starts there. A step that is done a second time after a kill is not logged again: steps of a run only rise.
    """

    def __init__(
        self, work: Path, project: str, entity: str | None, mode: str, name: str, config: Mapping[str, Any]
    ) -> None:
        self._log, self._state = work / NAME, work / STATE
        known: Any = read_json(self._state) if self._state.exists() else {"id": uuid.uuid4().hex[:16], "step": 0}
        self.id, self.step = str(known["id"]), int(known["step"])
        words = {"project": project, "entity": entity, "name": name, "config": dict(config), "dir": str(work)}
        try:
            self._run = self._open(mode, words)
        except wandb.Error as error:
            if mode == "offline":
                raise
            reason = str(error).partition("\n")[0]
            print(
                f"warning: Weights & Biases: {reason}; the curves are kept offline: wandb sync {work}/wandb/offline-*",
                file=sys.stderr,
                flush=True,
            )
            wandb.teardown()  # its service holds the id for the attempt that failed
            self._run = self._open("offline", words)
        self._save()

    def follow(self) -> None:
        """Log the steps that the progress log holds beyond the last one."""
        for step in read_log(self._log)[0]:
            if step.number > self.step:
                self._run.log(figures(step), step=step.number)
                self.step = step.number
                self._save()

    def finish(self) -> None:
        """Write and send the rest."""
        self._run.finish()

    def _open(self, mode: str, words: Mapping[str, Any]) -> Any:
        settings = wandb.Settings(
            silent=True, console="off", save_code=False, disable_git=True, init_timeout=CONNECT_SECONDS
        )
        return wandb.init(id=self.id, resume="allow", settings=settings, **{**words, "mode": mode})

    def _save(self) -> None:
        write_json(self._state, {"id": self.id, "step": self.step})


def figures(step: Step) -> dict[str, float]:
    """What is drawn of a step: metrics by their names, timings below `time/`."""
    metrics = {name: value for name, value in step.metrics.items() if name != "step" and value is not None}
    timings = {f"time/{name}": value for name, value in step.timings.items() if name != "step"}
    return metrics | timings
