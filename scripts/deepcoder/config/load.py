"""Compose config/ with Hydra, apply overrides, check every value, and cut out the part that a rule reads."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepcoder.config.machine import Site
from deepcoder.config.schema import Config
from deepcoder.errors import UserError

CONFIG_DIR = Path(__file__).resolve().parents[3] / "config"
SITE_FILE = "profiles/slurm/site.yaml"  # the one block that no file of config/ holds


def parse_overrides(words: Iterable[str]) -> dict[str, Any]:
    """Turn `key=value` words into a nested mapping.

    A level is separated by a dot or, because Snakemake's --config refuses dots, by two underscores:
    `stages.16k.steps=5` and `stages__16k__steps=5` are the same. Values are YAML.

    Raises:
        UserError: a word without `=`, or a value that is not YAML.
    """
    nested: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise UserError(f"override {word!r}: write it as key=value, for example stages__16k__steps=5")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserError(f"override {word!r}: the value is not YAML ({error})") from error
        merge(nested, nest({key: value}))
    return nested


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Split keys at dots and double underscores into nested mappings."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, last = str(key).replace("__", ".").split(".")
        branch: dict[str, Any] = {last: nest(value) if isinstance(value, Mapping) else value}
        for parent in reversed(parents):
            branch = {parent: branch}
        merge(nested, branch)
    return nested


def compose_config(overrides: Mapping[str, Any] | None = None, config_dir: Path = CONFIG_DIR) -> Config:
    """The whole configuration of one scale as a typed object (OmegaConf node of `Config`).

    Args:
        overrides: nested mapping as parse_overrides gives it; `scale` chooses config/scale/<scale>.yaml.

    Raises:
        UserError: an unknown key, a wrong type, a value outside its choices, a missing value or file.
    """
    overrides = nest(overrides or {})
    scale = overrides.pop("scale", None)
    try:
        ConfigStore.instance().store(name="schema", node=Config)
        with initialize_config_dir(str(config_dir), version_base="1.3"):
            config: Any = compose("config", overrides=[f"scale={scale}"] if scale else [])
        OmegaConf.set_struct(config, True)
        config = OmegaConf.merge(config, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_words_of(error)) from error
    _check(config)
    return config


def to_dict(config: Any) -> Any:
    """A configuration node as plain Python values."""
    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


def subset(config: Any, keys: Iterable[str], *, identity: bool = False) -> dict[str, Any]:
    """The flat part of the configuration that `keys` name: `{"judge": {...}, "stages.16k": {...}}`.

    Args:
        identity: leave out the settings (see schema.setting), which change how a job runs but not its result.

    Raises:
        UserError: a key that does not exist.
    """
    chosen: dict[str, Any] = {}
    for key in sorted(set(keys)):
        node: Any = config
        for part in key.split("."):
            try:
                node = node[part]
            except (KeyError, AttributeError, TypeError, OmegaConfBaseException) as error:
                known = ", ".join(sorted(str(name) for name in node)) if hasattr(node, "keys") else "none"
                raise UserError(f"configuration has no key {key!r}: {part!r} is not one of {known}") from error
        chosen[key] = _science(node) if identity else to_dict(node)
    return chosen


def _science(node: Any) -> Any:
    """A node as plain values without its settings."""
    if not OmegaConf.is_dict(node):
        return to_dict(node)
    kind = OmegaConf.get_type(node)
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    settings = {entry.name for entry in fields if entry.metadata.get("setting")}
    return {str(name): _science(node[name]) for name in node if name not in settings}


def fill_keys(keys: Iterable[str], words: Mapping[str, Any]) -> list[str]:
    """Fill `{name}` in declared keys; a list fills one key per item.

    >>> fill_keys(["seed", "stages.{stage}"], {"stage": ["16k", "32k"]})
    ['seed', 'stages.16k', 'stages.32k']
    """
    filled: list[str] = []
    for key in keys:
        names = [name for _, name, _, _ in string.Formatter().parse(key) if name]
        choices = [words[name] if isinstance(words[name], list) else [words[name]] for name in names]
        filled += [key.format(**dict(zip(names, row, strict=True))) for row in itertools.product(*choices)]
    return sorted(set(filled))


def merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Put the values of `other` over those of `into`, level by level."""
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _check(config: Any) -> None:
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        if missing[0].startswith("site."):
            raise UserError(f"{SITE_FILE}: no value for {', '.join(missing)}; give one there")
        raise UserError(f"configuration: no value for {', '.join(missing)}; set it in config/ or override it")
    _check_choices(Config, config, "")
    _check_names(config)


def _check_choices(kind: Any, node: Any, path: str) -> None:
    for entry in dataclasses.fields(kind):
        value = node[entry.name]
        where = f"{path}{entry.name}"
        allowed = entry.metadata.get("choices")
        if allowed and value not in allowed:
            raise UserError(f"configuration: {where} is {value!r}; choose one of {', '.join(map(str, allowed))}")
        hint = _hints(kind)[entry.name]
        if dataclasses.is_dataclass(hint):
            _check_choices(hint, value, f"{where}.")
        elif (arguments := get_args(hint)) and dataclasses.is_dataclass(arguments[-1]) and value:
            for name in value:
                _check_choices(arguments[-1], value[name], f"{where}.{name}.")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _check_names(config: Any) -> None:
    """Names that point from one block into another must exist there."""
    pointers = [
        ("model", [config.model], "models"),
        ("recipe", [config.recipe], "recipes"),
        ("recipe_table", config.recipe_table, "recipes"),
        ("curation_table", config.curation_table, "curations"),
        ("reference_models", config.reference_models, "models"),
        ("train_sources", config.train_sources, "sources"),
        ("report_benchmarks", config.report_benchmarks, "benchmarks"),
    ]
    pointers += [(f"benchmarks.{n}.source", [b.source], "sources") for n, b in config.benchmarks.items()]
    pointers += [("reported_responses", config.reported_responses, "responses")]
    pointers += [(f"responses.{n}.benchmarks", r.benchmarks, "benchmarks") for n, r in config.responses.items()]
    pointers += [
        (f"responses.{n}.tokenizer", [r.tokenizer], "models") for n, r in config.responses.items() if r.tokenizer
    ]
    rated = [(n, b.standings) for n, b in config.benchmarks.items() if b.standings is not None]
    pointers += [(f"benchmarks.{n}.standings", [name], "sources") for n, name in rated]
    pointers += [(f"recipes.{n}.curation", [r.curation], "curations") for n, r in config.recipes.items()]
    starts = [(f"stages.{n}.start", [s.start], "stages") for n, s in config.stages.items() if s.start != "base"]
    _check_contexts(config)
    if len(set(config.curation_table)) != 2:
        raise UserError(
            f"configuration: curation_table is {list(config.curation_table)}; name two curations to compare"
        )
    _check_shards(config)
    for where, names, block in pointers + starts:
        for name in names:
            if name not in config[block]:
                known = ", ".join(sorted(config[block]))
                raise UserError(f"configuration: {where} names {name!r}, which is not in {block} ({known})")


def _check_contexts(config: Any) -> None:
    """No context is longer than what is sampled, from which all are cut."""
    longest = config.evaluation.sampling.max_response_tokens
    for name, tokens in config.evaluation.contexts.items():
        if tokens > longest:
            raise UserError(
                f"configuration: evaluation.contexts.{name} is {tokens}, but samples have at most {longest} tokens; "
                "raise evaluation.sampling.max_response_tokens"
            )


def _check_shards(config: Any) -> None:
    """There is a shard at least."""
    shards = {"evaluation.shards": config.evaluation.shards}
    shards |= {f"curations.{name}.difficulty.shards": c.difficulty.shards for name, c in config.curations.items()}
    for key, number in shards.items():
        if number < 1:
            raise UserError(f"configuration: {key} is {number}; at least one job has to sample")


def _words_of(error: Exception) -> str:
    """One line that names the file where the key at fault stands, as far as it can be known."""
    key = str(getattr(error, "full_key", None) or "")
    if key.partition(".")[0] != "site":
        return f"configuration: {_one_line(error)}; the keys are in config/ and schema.py"
    name = key.partition(".")[2].partition("[")[0]
    known = [entry.name for entry in dataclasses.fields(Site)]
    if name in known:
        return f"{SITE_FILE}: {key}: {_one_line(error).partition(';')[0]}"
    if not name:
        return f"{SITE_FILE}: below site: stand keys with values, not one value; the keys are {', '.join(known)}"
    near = difflib.get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"
    return f"{SITE_FILE}: {key} is no key of a site; {meant}"


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = error.__cause__
    if cause is not None:
        lines += [line.strip() for line in str(cause).splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines))
