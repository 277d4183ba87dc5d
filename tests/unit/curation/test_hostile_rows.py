"""Whatever a row says, it becomes a problem or one counted rejection, within bounds of memory and time."""

import base64
import json
import os
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from true_rows import (
    aime_row,
    codeforces_row,
    codeio_row,
    hub_source,
    humaneval_row,
    livecodebench_row,
    packed,
    primeintellect_row,
    taco_row,
)

from deepcoder.curation.literals import LARGEST_JSON, LARGEST_LITERAL, json_value, literal_or_json
from deepcoder.curation.normalise import normalise, write_problems
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import DEEPEST, UNREADABLE, Parsed, Reject, Rejected, parse_rows
from deepcoder.curation.sources import (
    aime2024,
    codeforces,
    codeio,
    easy,
    humaneval,
    humanevalplus,
    livecodebench,
    primeintellect,
    taco_verified,
)
from deepcoder.easy import generate
from deepcoder.errors import UserError
from deepcoder.schemas.tests_store import TestsStore

TRUE_ROWS = {
    taco_verified: taco_row(),
    primeintellect: primeintellect_row(),
    livecodebench: livecodebench_row(),
    codeforces: codeforces_row(),
    aime2024: aime_row(),
    easy: generate(seed=0, heldout_fraction=0.2)[0],
    humaneval: humaneval_row(),
    humanevalplus: humaneval_row(test="def check(candidate):\n    inputs = [[3]]\n    results = [1.5]\n"),
    codeio: codeio_row(),
}
IN_SANDBOX = (humaneval, humanevalplus, codeio)  # a row takes milliseconds there
TEXTS = st.text(st.characters(codec=None), max_size=12)  # lone surrogates and NUL too
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**4000) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ARROW_VALUES = JSON_VALUES | st.binary(max_size=9) | st.dates() | st.datetimes() | st.decimals()


def short(module):
    return module.__name__.rsplit(".", 1)[-1]


@st.composite
def changed_rows(draw, module, values):
    """A true row with a field of another value, another one as text, one cut or overwritten, or one left out."""
    row = dict(TRUE_ROWS[module])
    key = draw(st.sampled_from(sorted(row)))
    text = row[key] if isinstance(row[key], str) else json.dumps(row[key])
    at = draw(st.integers(0, len(text)))
    how = draw(st.sampled_from(["value", "as JSON", "as literal", "cut", "overwritten", "absent"]))
    if how == "absent":
        del row[key]
    elif how in ("cut", "overwritten"):
        row[key] = text[:at] + ("" if how == "cut" else draw(TEXTS) + text[at + 1 :])
    else:
        value = draw(values)
        row[key] = value if how == "value" else repr(value)
        if how == "as JSON":
            row[key] = json.dumps(draw(JSON_VALUES))
    return row


def settle(module, rows, folder, sandbox):
    """Parse, normalise and write the rows after a true one; every row is accounted for, the true one a problem."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [TRUE_ROWS[module], *rows]))
    options = {"seed": 0, "tests": 2}
    found = list(module.parse([path], hub_source(options=options), sandbox))
    assert len(found) == 1 + len(rows)
    assert isinstance(found[0], Parsed)
    assert all(isinstance(row, Parsed | Rejected) for row in found)
    store = TestsStore(folder / "tests")
    store.flush = lambda: None  # nothing here outlives the test
    problems, dropped = normalise("x", hub_source(), found, store)
    facts = write_problems(folder / "manifest.json", "x", problems, dropped, {}).facts
    assert facts["rows"] + facts["dropped"] == len(found)
    assert sum(facts["dropped_by_reason"].values()) == facts["dropped"]
    for problem in problems:
        assert problem["kind"] == "answer" or store.get(problem["tests_ref"])
    return found[1:]


@pytest.mark.parametrize("module", TRUE_ROWS, ids=short)
def test_any_json_row_is_a_problem_or_one_counted_rejection(module, tmp_path, sandbox):
    quick = settings(max_examples=25 if module in IN_SANDBOX else 100, database=None)

    @quick
    @given(rows=st.lists(changed_rows(module, JSON_VALUES) | st.dictionaries(TEXTS, JSON_VALUES), max_size=3))
    def every_row_is_settled(rows):
        settle(module, rows, tmp_path, sandbox)

    every_row_is_settled()


@pytest.mark.parametrize("module", [module for module in TRUE_ROWS if module not in IN_SANDBOX], ids=short)
@settings(max_examples=60)
@given(data=st.data())
def test_any_row_of_a_parquet_file_is_a_problem_or_a_rejection(module, data):
    row = data.draw(changed_rows(module, ARROW_VALUES))
    (found,) = parse_rows([row], module._parse_row, "id")
    assert isinstance(found, Parsed | Rejected)


TEXT = json.dumps([{"input": "3\n", "output": "6\n", "testtype": "stdin"}])
HOSTILE_PICKLES = {  # with what the reason names
    "command": (b"cos\nsystem\n(S'true'\ntR.", "GLOBAL"),
    "command, protocol 4": (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "SHORT_BINUNICODE"),
    "extension": (b"\x82\x01.", "EXT1"),
    "outside object": (b"Pname\n.", "PERSID"),
    "memo of 16 GB": (b"\x80\x02r\xff\xff\xff\x7fX\x01\x00\x00\x00a.", "JSONDecodeError"),
    "text of 4 EB": (b"\x80\x04\x8d" + (1 << 62).to_bytes(8, "little") + b"a.", "ValueError"),
    "array of 4 EB": (b"\x80\x05\x96" + (1 << 62).to_bytes(8, "little") + b"a.", "ValueError"),
    "whole number of 2 GB": (b"\x80\x02\x8b\xff\xff\xff\x7f1.", "ValueError"),
    "endless hash": (  # of a key that takes 2**64 steps
        b"\x80\x04})" + b"2\x86" * 64 + b"K\x01s.",
        "EMPTY_DICT",
    ),
    "marks": (b"(" * 1_000_000 + b".", "MARK"),
    "nested lists": (b"]" * 500_000 + b"a" * 499_999 + b".", "EMPTY_LIST"),
    "memo without end": (b"\x80\x04" + b"\x94" * 1_000_000 + b".", "MEMOIZE"),
    "two texts": (b"\x80\x04\x8c\x02[]\x8c\x02[].", "SHORT_BINUNICODE"),
    "no text": (b"\x80\x04.", "without a text"),
    "unknown opcode": (b"\xff.", "ValueError"),
    "no end": (pickle.dumps(TEXT)[:-1], "ValueError"),
    "no UTF-8": (b"\x80\x04\x8c\x02\xff\xfe.", "UnicodeDecodeError"),
    "nothing": (b"", "ValueError"),
}


@pytest.mark.parametrize("name", HOSTILE_PICKLES)
def test_a_hostile_pickle_is_refused_by_its_opcodes(name, tmp_path, sandbox):
    data, named = HOSTILE_PICKLES[name]
    cell = base64.b64encode(zlib.compress(data)).decode()
    (found,) = settle(livecodebench, [livecodebench_row(private_test_cases=cell)], tmp_path, sandbox)
    assert found.reason.startswith("private tests")
    assert named in found.reason


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("text", [TEXT, TEXT.replace("3", "3" * 70_000), TEXT.replace("3", "größer ☃ 😀")], ids=len)
def test_private_tests_are_read_from_a_pickle_of_any_protocol(protocol, text):
    data = pickle.dumps(text, protocol)
    assert livecodebench.pickled_text(data) == pickle.loads(data)


@settings(max_examples=100)
@given(data=st.data())
def test_cut_or_overwritten_private_tests_are_no_tests_of_another_kind(data):
    good = TRUE_ROWS[livecodebench]["private_test_cases"]
    layer = data.draw(st.sampled_from(["base64", "zlib", "pickle"]))
    raw = base64.b64decode(good)
    bits = bytearray({"base64": good.encode(), "zlib": raw, "pickle": zlib.decompress(raw)}[layer])
    del bits[data.draw(st.integers(0, len(bits))) :]
    for at in data.draw(st.lists(st.integers(0, max(len(bits) - 1, 0)), max_size=3)) if bits else []:
        bits[at] = data.draw(st.integers(0, 255))
    cell = bits.decode("latin-1") if layer == "base64" else None
    cell = cell or base64.b64encode(zlib.compress(bytes(bits)) if layer == "pickle" else bytes(bits)).decode()
    (found,) = parse_rows([livecodebench_row(private_test_cases=cell)], livecodebench._parse_row, "question_id")
    assert isinstance(found, Rejected) or all(set(test) == {"input", "output"} for test in found.tests)


@pytest.mark.parametrize("piece", [1, 2, 7, 4096])
def test_the_size_of_the_pieces_makes_no_difference(piece, monkeypatch):
    monkeypatch.setattr(livecodebench, "PIECE", piece)
    for data in (b"", b"a", b"ab" * 5000, os.urandom(300)):
        cell = base64.b64encode(zlib.compress(data)).decode()
        assert livecodebench.unpacked(cell).read() == data
        with pytest.raises(Reject, match="truncated"):
            livecodebench.unpacked(base64.b64encode(zlib.compress(data)[:-1]).decode())


def peak_megabytes(work, *words):
    """Peak memory of `work`, a Python text, in a process of its own, beyond what its imports took."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from deepcoder.curation.sources import livecodebench\n"
        "from deepcoder.curation.normalise import normalise\n"
        "from deepcoder.config.schema import Source\n"
        "from deepcoder.schemas.tests_store import TestsStore\n"
        "status = Path('/proc/self/status')\n"  # ru_maxrss of a child begins at what its parent holds
        "peak = lambda: int(status.read_text().partition('VmHWM:')[2].split()[0]) // 1024\n"
        "source = Source(kind='hub', role='train', hub_id='o/n', revision='r', licence='MIT')\n"
        "path, store, before = Path(sys.argv[1]), TestsStore(Path(sys.argv[2])), peak()\n"
        f"{work}\n"
        "print(peak() - before)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(livecodebench.__file__).parents[3])}
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def test_private_tests_of_100_mb_take_at_most_600_mb_from_file_to_store(tmp_path):
    given = os.urandom(2_500_000).hex()
    tests = [{"input": f"{number} {given}", "output": "1", "testtype": "stdin"} for number in range(20)]
    data = pickle.dumps(json.dumps(tests))
    assert len(data) > 100_000_000
    cell = base64.b64encode(zlib.compress(data, 1)).decode()
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(livecodebench_row(private_test_cases=cell)) + "\n")
    work = (
        "problems, _ = normalise('l', source, livecodebench.parse([path], source, None), store)\n"
        "assert problems[0]['tests_count'] == 21"
    )
    assert peak_megabytes(work, path, tmp_path / "tests") < 600


def test_a_bomb_of_4_gb_is_refused_after_512_mb(tmp_path):
    packer = zlib.compressobj(9)
    head = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)  # a piece that may be repeated
    cell = base64.b64encode(head + again * 255).decode()
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(livecodebench_row(private_test_cases=cell)) + "\n")
    work = (
        "(row,) = livecodebench.parse([path], source, None)\n"
        "assert row.reason == 'private tests are truncated or too large', row"
    )
    assert peak_megabytes(work, path, tmp_path / "tests") < 620


def test_texts_that_would_become_too_many_values_are_rejected_unread():
    many = "[" + "{}," * (LARGEST_JSON // 3 + 1) + "{}]"
    with pytest.raises(Reject, match="a JSON text of over"):
        json_value(many)
    for text in (
        "('a', " + "1," * (LARGEST_LITERAL // 2) + ")",
        "'''" + "'1,' " * LARGEST_LITERAL,
        "f'{" + "1," * (1 << 22),
    ):
        with pytest.raises(Reject, match="a literal of over"):
            literal_or_json(text)
    long = {"input": "it's 1,2 [\\" * 500_000, "output": 'a"b'}
    assert literal_or_json(repr(long)) == long


@pytest.mark.parametrize("text", ["[" * 10**6, "-" * 10**6 + "1", "1" + "+1" * 10**5, "a" + ".a" * 10**5, "{" * 10**5])
def test_nesting_without_end_is_a_rejection_not_a_crash(text, tmp_path, sandbox):
    taco, gold = taco_row(input_output=text), primeintellect_row(verification_info=text)
    for module, row in ((taco_verified, taco), (primeintellect, gold)):
        (found,) = settle(module, [row], tmp_path, sandbox)
        assert isinstance(found, Rejected)


def test_the_depth_of_a_test_value_is_limited_by_a_number_not_by_the_stack(tmp_path, sandbox):
    def nested(levels):
        value = "[" * levels + "]" * levels
        return taco_row(id=levels, input_output=f'{{"fn_name": "f", "inputs": [[{value}]], "outputs": [1]}}')

    fits, deeper, bottomless = settle(
        taco_verified, [nested(DEEPEST), nested(DEEPEST + 1), nested(800)], tmp_path, sandbox
    )
    assert isinstance(fits, Parsed)
    assert deeper.reason == bottomless.reason == "a test value is over 100 levels deep"


def test_a_fence_is_found_in_linear_time():
    for gold in ("```python" + "\n" * 200_000, "```python\n" + "```   " * 100_000 + "x"):
        with pytest.raises(Reject, match="no fenced Python block"):
            primeintellect.unfenced(gold)
    assert primeintellect.unfenced(" ```py \n\n  a\nb\n\n```\n") == "  a\nb\n"


def test_a_line_that_cannot_be_read_is_a_counted_row_and_a_cut_file_an_error(tmp_path):
    good = json.dumps(livecodebench_row()).encode()
    path = tmp_path / "rows.jsonl"
    lines = [good, b'{"question_id": "\xff"}', b"[1]", b"{", b"[" * 100_000, b'{"a": ' + b"1" * 5000 + b"}", b"", good]
    path.write_bytes(b"\n".join(lines) + b"\n")
    rows = list(read_rows([path], livecodebench.COLUMNS))
    assert [row.get(UNREADABLE) for row in rows] == [
        None,
        "a line is no JSON (UnicodeDecodeError)",
        "a row is not an object",
        "a line is no JSON (JSONDecodeError)",
        "a line is no JSON (RecursionError)",
        "a line is no JSON (ValueError)",
        None,
    ]
    found = list(parse_rows(rows, livecodebench._parse_row, "question_id"))
    assert [row.reason for row in found[1:3]] == ["a line is no JSON (UnicodeDecodeError)", "a row is not an object"]
    path.write_bytes(good + b"\n" + good[:-9])
    with pytest.raises(UserError, match="damaged or truncated after row 1"):
        list(read_rows([path], livecodebench.COLUMNS))


def test_a_parquet_row_that_cannot_be_read_is_counted_and_its_neighbours_are_read(tmp_path):
    texts = pa.StringArray.from_buffers(
        3, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])), pa.py_buffer(b"a\xffc")
    )
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"question": texts}), path)
    assert list(read_rows([path], ["question"])) == [
        {"question": "a"},
        {UNREADABLE: "unreadable row (UnicodeDecodeError)"},
        {"question": "c"},
    ]


def test_reasons_beyond_the_fifty_commonest_are_still_counted(tmp_path, sandbox):
    found = [Parsed("good", "statement", "answer", answer="1")]
    found += [Rejected(f"{number}", f"reason {number}") for number in range(80)] + [Rejected("x", "zz common")] * 9
    problems, dropped = normalise("x", hub_source(), found, TestsStore(tmp_path / "tests"))
    facts = write_problems(tmp_path / "manifest.json", "x", problems, dropped, {}).facts["dropped_by_reason"]
    assert facts["zz common"] == 9
    assert sum(facts.values()) == 89
    assert facts["other reasons"] == 31


def test_values_that_no_sandbox_takes_are_the_rows_fault(tmp_path, sandbox):
    reference = "def check(candidate):\n    inputs = [[...]]\n    for i in inputs:\n        assertion(ref_func(*i))\n"
    (found,) = settle(humanevalplus, [humaneval_row(task_id="b", test=reference)], tmp_path, sandbox)
    assert found.reason == "a test value is no plain data"


@pytest.mark.parametrize("module", [module for module in TRUE_ROWS if module not in IN_SANDBOX], ids=short)
def test_a_number_too_long_to_be_printed_is_no_crash_in_any_field(module):
    for key in TRUE_ROWS[module]:
        (found,) = parse_rows([{**TRUE_ROWS[module], key: 10**5000}], module._parse_row, key)
        assert isinstance(found, Parsed | Rejected)


def test_what_a_packed_cell_holds_is_what_was_packed(tmp_path, sandbox):
    rows = [livecodebench_row(question_id="n", private_test_cases=packed(json.dumps([{"input": "", "output": "NaN"}])))]
    (found,) = settle(livecodebench, rows, tmp_path, sandbox)
    assert found.reason == "tests of several kinds"
