"""What a rule's result depends on in our code: the syntax trees of its door and of all it imports.

Comments, docstrings and formatting are not part of a syntax tree, so they never invalidate. The wrapper that
parses configuration, records and writes atomically is left out: it computes nothing that is published.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import sha256_json, sha256_text

PACKAGE = "deepcoder"
WRAPPER = (
    "deepcoder.door",
    "deepcoder.errors",
    "deepcoder.files",
    "deepcoder.manifest",
    "deepcoder.config",
    "deepcoder.cluster",
    "deepcoder.provenance",
)


@dataclass(frozen=True)
class Identity:
    """What an output depends on beside its inputs.

    Attributes:
        config: the keys that its rule reads, with their values; settings of how a job runs are left out.
        code: digest of the syntax tree by module, for the door and all that it imports.
        environment: digest of the lock.
        command: digest of the rule's command; empty for a door that was run by hand.
    """

    config: Mapping[str, Any]
    code: Mapping[str, str]
    environment: str
    command: str = ""


def environment_lock(code: Path, environment: str) -> str:
    """Hex digest of the locks of an environment, in the `envs` of a checkout or a frozen copy."""
    return sha256_text("".join(path.read_text() for path in sorted((code / "envs").glob(f"*{environment}.lock"))))


def is_wrapper(module: str) -> bool:
    """Whether a module belongs to the wrapper, or is only the package's name."""
    return module == PACKAGE or any(module == name or module.startswith(f"{name}.") for name in WRAPPER)


def code_digest(script: Path, loaded: Sequence[str] = ()) -> str:
    """Hex digest over the door and every project module it imports, transitively.

    Args:
        script: the door.
        loaded: modules that the door loads by name.

    Raises:
        UserError: a file that does not parse.
    """
    return sha256_json(module_digests(script, loaded))


@functools.cache
def declared(script: Path, name: str) -> tuple[str, ...]:
    """What a door declares in a tuple of texts, without importing it; nothing if it does not.

    READS are configuration keys, LOADS modules that it imports by name; both with `{argument}` to fill in.

    Raises:
        UserError: the door does not parse, or the value is not a literal tuple.
    """
    for node in _parse(script).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            try:
                return tuple(ast.literal_eval(node.value))
            except (ValueError, TypeError) as error:
                raise UserError(f"{script}: {name} must be a literal tuple of texts ({error})") from error
    return ()


def module_digests(script: Path, loaded: Sequence[str] = ()) -> dict[str, str]:
    """Module name -> syntax digest, for the door (under its file name) and what it imports."""
    script = script.resolve()
    root = script.parent
    modules = {script.name: syntax_digest(script)}
    queue = [*_imports(script, root), *loaded]
    while queue:
        name = queue.pop()
        path = _module_file(name, root)
        if path is None or is_wrapper(name) or name in modules:
            continue
        modules[name] = syntax_digest(path)
        queue += [*_imports(path, root), *_parents(name)]
    return dict(sorted(modules.items()))


def syntax_digest(path: Path) -> str:
    """Hex digest of a file's syntax tree without docstrings."""
    return _syntax_digest(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _syntax_digest(path: Path, _stamp: int) -> str:
    tree = _parse(path)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _docstring(body):
            node.body = node.body[1:]
    return sha256_text(ast.dump(tree))


def _docstring(body: Any) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: does not parse as Python ({error}); mend it first") from error


@functools.lru_cache(maxsize=4096)
def _imports(path: Path, root: Path) -> tuple[str, ...]:
    """Names of project modules that a file imports anywhere, submodules taken with `from x import y` included."""
    package = ".".join(path.relative_to(root).with_suffix("").parts)
    package = package.removesuffix(".__init__") if path.name == "__init__.py" else package.rpartition(".")[0]
    found: list[str] = []
    for node in _what_runs(_parse(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, *([base] if base else [])])
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    # What runs inside the sandbox has no package around it: its modules import each other as neighbours.
    neighbours = [f"{package}.{name}" for name in found if package and (path.parent / f"{name}.py").exists()]
    ours = [name for name in found if name.split(".")[0] == PACKAGE or (root / f"{name}.py").exists()] + neighbours
    return tuple(dict.fromkeys(ours))


def _what_runs(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of imports that are there for types alone."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield from _what_runs(child)


def _module_file(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base.with_name(base.name + ".py"), base / "__init__.py"):
        if path.exists():
            return path
    return None


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(2, len(parts))]


@contextmanager
def guard_imports() -> Iterator[set[str]]:
    """Collect, at the end of the block, the project modules that this process has imported."""
    imported: set[str] = set()
    try:
        yield imported
    finally:
        imported.update(name for name in list(sys.modules) if name.split(".")[0] == PACKAGE)


def modules_outside(script: Path, imported: Iterable[str], loaded: Sequence[str] = ()) -> list[str]:
    """Imported project modules that the identity of `script` does not cover."""
    covered = module_digests(script, loaded)
    return sorted(name for name in imported if name not in covered and not is_wrapper(name))
