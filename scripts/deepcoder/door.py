"""The frame of every door: arguments, the declared part of the configuration, records, one clear error.

A door is a thin script: it declares which configuration keys it reads, parses its paths, calls a room of the
package and writes a manifest. Reading a key outside the declaration is a KeyError, so that the identity of a
rule (see provenance/identity.py) cannot be wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PosixPath
from types import FrameType
from typing import Any

from omegaconf import OmegaConf

from deepcoder.config import compose_config, parse_overrides
from deepcoder.config.load import fill_keys, merge, nest
from deepcoder.config.load import subset as config_subset
from deepcoder.config.schema import Config
from deepcoder.errors import TEMPORARY_FAILURE, Resumable, UserError
from deepcoder.provenance.identity import (
    Identity,
    declared,
    environment_lock,
    guard_imports,
    module_digests,
    modules_outside,
)
from deepcoder.provenance.record import OVERRIDES_VARIABLE, Recorder

COMMAND_VARIABLE = "DEEPCODER_COMMAND"  # digest of the command of the rule that runs the door
RUN_VARIABLE = "DEEPCODER_RUN_PID"  # the Snakemake process on this host that runs the job


class InputPath(PosixPath):
    """Type of an argument that names an input: checked before the work, hashed into the record."""


class OutputPath(PosixPath):
    """Type of an argument that names an output: must exist after the work, hashed into the record."""


@dataclass
class Job:
    """What a door's function gets.

    Attributes:
        args: the parsed arguments.
        keys: the declared configuration keys with the arguments filled in.
    """

    args: argparse.Namespace
    keys: Sequence[str]
    _config: Config = field(repr=False)

    def read(self, key: str) -> Any:
        """The value of a declared key: a dataclass of config/schema.py, or a plain value.

        Arguments fill the braces: with `--stage 16k`, read("stages.{stage}") is the Stage of 16k.

        Raises:
            KeyError: the key is neither declared nor below a declared one.
        """
        key = key.format(**vars(self.args))
        if not any(key == known or key.startswith(f"{known}.") for known in self.keys):
            raise KeyError(f"{key} is not among the configuration keys this door declares: {', '.join(self.keys)}")
        node = OmegaConf.select(self._config, key)  # type: ignore[arg-type]
        return OmegaConf.to_object(node) if OmegaConf.is_config(node) else node


def run_door(
    work: Callable[[Job], None],
    *,
    reads: Sequence[str] = (),
    arguments: Callable[[argparse.ArgumentParser], None],
    argv: Sequence[str] | None = None,
) -> None:
    """Run a door's function as a command line program; exit with 0, 1 (an error), 75 (run again) or 143 (terminated).

    Args:
        work: does the job and writes the declared outputs (payload first, manifest last).
        reads: configuration keys; `{name}` is filled in from the arguments.
        arguments: adds the door's arguments; use InputPath and OutputPath as types.
    """
    script = Path(sys.modules[work.__module__].__file__ or "").resolve()
    parser = argparse.ArgumentParser(
        prog=f"scripts/{script.name}",
        description=sys.modules[work.__module__].__doc__,
        epilog="Trailing key=value words override the configuration, as on `snakemake all --config key=value`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments(parser)
    words = list(sys.argv[1:] if argv is None else argv)
    overrides: list[str] = []
    while words and "=" in words[-1] and not words[-1].startswith("-"):
        overrides.insert(0, words.pop())
    args = parser.parse_args(words)
    for number in (signal.SIGTERM, signal.SIGUSR1):  # of SLURM: cancelled, and a warning before the time limit
        signal.signal(number, _terminate)
    _end_with_run()
    command = [script.name, *(sys.argv[1:] if argv is None else argv)]
    inputs, outputs = _paths(args, InputPath), _paths(args, OutputPath)
    recorder = Recorder(script, command=command, args=vars(args), inputs=inputs, outputs=outputs)
    try:
        _run(work, args, reads, overrides, script, recorder)
    except UserError as error:
        status = TEMPORARY_FAILURE if isinstance(error, Resumable) else 1
        recorder.failed(str(error), status)
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(status) from None
    except BaseException as error:
        recorder.failed(f"{type(error).__name__}: {error}")
        if isinstance(error, Exception):
            traceback.print_exc()
            print(f"error: {script.name} stopped on {type(error).__name__}: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        raise


def _run(
    work: Callable[[Job], None],
    args: argparse.Namespace,
    reads: Sequence[str],
    overrides: Sequence[str],
    script: Path,
    recorder: Recorder,
) -> None:
    for path in recorder.inputs:
        if not path.exists():
            raise UserError(f"{path}: no such input; make it with snakemake {path}")
    settings = nest(json.loads(os.environ.get(OVERRIDES_VARIABLE, "{}")))
    merge(settings, parse_overrides(overrides))
    config: Any = compose_config(settings)
    keys = fill_keys(reads, vars(args))
    chosen = config_subset(config, keys)
    loaded = fill_keys(declared(script, "LOADS"), vars(args))
    identity = Identity(
        config=config_subset(config, keys, identity=True),
        code=module_digests(script, loaded),
        environment=environment_lock(script.parents[1], config.environment),
        command=os.environ.get(COMMAND_VARIABLE, ""),
    )
    recorder.start(chosen, identity)
    with guard_imports() as imported:
        work(Job(args, keys, config))
    if outside := modules_outside(script, imported, loaded):
        raise UserError(
            f"{script.name} imported {', '.join(outside)}, which its identity does not cover; "
            "import it statically, so that a change of it reruns this rule"
        )
    recorder.finish()


def _paths(args: argparse.Namespace, kind: type[Path]) -> list[Path]:
    found: list[Path] = []
    for value in vars(args).values():
        found += [Path(item) for item in (value if isinstance(value, list) else [value]) if isinstance(item, kind)]
    return found


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def _end_with_run() -> None:
    """Be terminated when the Snakemake process dies, so that a killed run leaves no second writer behind."""
    pid = os.environ.get(RUN_VARIABLE)
    if pid is None:
        return
    try:
        run = os.pidfd_open(int(pid))
    except ProcessLookupError:
        raise SystemExit("error: the Snakemake process that started this job is gone") from None

    def wait() -> None:
        select.select([run], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
