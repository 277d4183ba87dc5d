"""Which programs may have their tests run one after the other in one process. Standard library only.

Sharing a process saves a fork for each test, but what a program changes in one test could help it in the next. So
only programs share that cannot reach anything outliving their own module: a few pure modules, no reflection, no
files but the standard streams. The screen errs on the side of a fork: what it does not know runs alone. It guards
against help between tests, not against forging: expected outputs are outside whichever way a program runs.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import sys

MODULES = frozenset(
    """
    __future__ abc array bisect cmath collections collections.abc copy dataclasses datetime decimal enum fractions
    functools heapq itertools json math numbers operator random re statistics string struct sys textwrap time typing
    numpy numpy.linalg sortedcontainers
    """.split()  # noqa: SIM905
)
SYS = frozenset(
    """
    argv byteorder exit float_info float_repr_style getrecursionlimit getsizeof hash_info hexversion int_info intern
    maxsize maxunicode platform set_int_max_str_digits setrecursionlimit stderr stdin stdout version version_info
    """.split()  # noqa: SIM905
)
# Modules that allowed ones hold as attributes, some with an underscore before the name.
REACHABLE = frozenset(
    """
    asyncio atexit builtins codecs concurrent contextlib contextvars ctypes ctypeslib faulthandler gc imp importlib
    inspect io linecache marshal mmap multiprocessing os pathlib pickle platform posix resource runpy shutil signal
    site socket subprocess sys sysconfig tempfile thread threading traceback tracemalloc types warnings weakref
    """.split()  # noqa: SIM905
)
# Ways to code in strings, to attributes by name, to raw memory, to settings that outlive a test.
ATTRIBUTES = frozenset(
    """
    ForwardRef Formatter addaudithook as_strided attrgetter bmat copyreg core ctypes excepthook exc_info f2py frombuffer
    fromfile get_annotations get_field get_type_hints last_traceback lib load memmap methodcaller modules mro register
    save savez set_printoptions setbufsize seterr seterrcall setflags setprofile settrace testing tofile truncate tzset
    vformat with_traceback _getframe
    """.split()  # noqa: SIM905
)
PREFIXES = ("f_", "tb_", "gi_", "cr_", "ag_", "co_")  # frames, tracebacks, generators, code objects
NAMES = frozenset(
    """
    breakpoint compile delattr eval exec getattr globals help locals setattr vars
    """.split()  # noqa: SIM905
)
SPECIAL_NAMES = frozenset({"__name__", "__debug__"})
SPECIAL_ATTRIBUTES = frozenset(
    f"__{name}__"
    for name in """
    abs add and bool call ceil cmp contains delitem divmod doc enter eq exit float floor floordiv format ge getitem gt
    hash iadd iand ifloordiv ilshift imod imul index init int invert ior ipow irshift isub iter itruediv ixor le len
    length_hint lshift lt matmul missing mod mul name ne neg next new or pos post_init pow qualname radd rand
    rfloordiv repr reversed rlshift rmod rmul ror round rpow rrshift rshift rsub rtruediv rxor setitem slots str sub
    truediv trunc xor
    """.split()  # noqa: SIM905
)


@dataclasses.dataclass
class Bound:
    """Names that a program's imports bind, and the places where a name is used in a harmless way."""

    modules: set[str]
    imported: set[str]
    system: set[str]
    bases: set[int]
    calls: set[int]


def plainly_harmless(program: str) -> bool:
    """Whether no word of a program, in code, text or comment, could be part of anything that must run alone.

    A first look that spares most programs the syntax tree; False only means that the tree decides. ASCII, because
    Python reads other spellings of a name as the name; without an `open`, whose arguments matter, and without an
    underscore before a name that a module might keep for itself.
    """
    if not program.isascii() or "\\\n" in program:
        return False
    words = set(_WORD.findall(program))
    return words.isdisjoint(_SUSPICIOUS) and all(
        word in _UNDERSCORED if word.startswith("_") else not word.startswith(PREFIXES) for word in words
    )


def modules_in(program: str) -> list[str]:
    """The allowed modules whose names are among a program's words: at least those that it imports."""
    return sorted(MODULES.intersection(_WORD.findall(program)))


_UNDERSCORED = SPECIAL_NAMES | SPECIAL_ATTRIBUTES | {"_", "__main__"}
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
# Words of every day that are modules too; loading one is a trace that is seen.
_COMMON = ("cmd", "code", "profile", "readline", "test", "trace")
_SUSPICIOUS = frozenset(
    REACHABLE
    | ATTRIBUTES
    | NAMES
    | {"open"}
    | (frozenset(sys.stdlib_module_names) - {name.partition(".")[0] for name in MODULES})
    | {name for name in dir(sys) if name not in SYS and not name.startswith("_")}
) - {"sys", *_COMMON}


def may_share(tree: ast.Module) -> bool:
    """Whether a program's tests may run in one process."""
    nodes = list(ast.walk(tree))
    bound = bound_names(nodes)
    return all(_harmless(node, bound) for node in nodes)


def bound_names(nodes: list[ast.AST]) -> Bound:
    """What the imports of a program bind."""
    bound = Bound(set(), set(), set(), set(), set())
    for node in nodes:
        if isinstance(node, ast.Import):
            bound.modules |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            bound.system |= {alias.asname or alias.name for alias in node.names if alias.name == "sys"}
        elif isinstance(node, ast.ImportFrom):
            bound.imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            bound.bases.add(id(node.value))
        elif isinstance(node, ast.Call):
            bound.calls.add(id(node.func))
    bound.imported |= bound.modules
    return bound


def _harmless(node: ast.AST, bound: Bound) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name in MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return _harmless_import(node)
    if isinstance(node, ast.Name):
        return _harmless_name(node, bound)
    if isinstance(node, ast.Attribute):
        return _harmless_attribute(node, bound)
    if isinstance(node, ast.Call):
        return _harmless_call(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name not in bound.modules and (not node.name.startswith("__") or _harmless_word(node.name))
    if isinstance(node, ast.MatchClass):
        return all(_harmless_word(name) for name in node.kwd_attrs)
    return True


def _harmless_import(node: ast.ImportFrom) -> bool:
    if node.level or node.module not in MODULES:
        return False
    names = [alias.name for alias in node.names]
    if node.module == "sys":
        return all(name in SYS for name in names)
    return all(name == "*" or (_harmless_word(name) and name not in NAMES) for name in names)


def _harmless_name(node: ast.Name, bound: Bound) -> bool:
    if node.id in NAMES or (node.id.startswith("__") and node.id not in SPECIAL_NAMES | SPECIAL_ATTRIBUTES):
        return False
    if node.id == "open":
        return id(node) in bound.calls
    # A module by another name would escape the checks on its attributes.
    return node.id not in bound.modules or id(node) in bound.bases


def _harmless_attribute(node: ast.Attribute, bound: Bound) -> bool:
    base = node.value
    if isinstance(base, ast.Name) and base.id in bound.system:
        return node.attr in SYS and (isinstance(node.ctx, ast.Load) or node.attr in ("stdin", "stdout"))
    if isinstance(base, ast.Name) and base.id in bound.modules and node.attr.startswith("_"):
        return False
    if not isinstance(node.ctx, ast.Load) and _root(base) in bound.imported:
        return False
    return _harmless_word(node.attr)


def _harmless_word(name: str) -> bool:
    if name.startswith("__"):
        return name in SPECIAL_ATTRIBUTES
    return name not in ATTRIBUTES and name.lstrip("_") not in REACHABLE and not name.startswith(PREFIXES)


def _harmless_call(node: ast.Call) -> bool:
    if any(word.arg == "refcheck" for word in node.keywords):
        return False
    if not (isinstance(node.func, ast.Name) and node.func.id == "open"):
        return True
    # Of files only the standard streams.
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Constant) and first.value in (0, 1) and type(first.value) is int


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
