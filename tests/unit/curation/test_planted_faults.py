"""Mutants are small, distinct, deterministic faults that leave the program readable."""

import ast

import pytest

from deepcoder.curation.mutants import mutants

PROGRAM = '''
def f(values):
    """How many are large."""
    total = 0
    for value in values:
        if value > 5 and value != 7:
            total += 1
    return total
'''


def made(program: str) -> dict[str, str]:
    return {mutant.program: mutant.fault for mutant in mutants(program)}


@pytest.mark.parametrize(
    ("program", "mutant", "fault"),
    [
        ("print(a < b)", "print(a <= b)", "Lt to LtE"),
        ("print(a < b == c)", "print(a < b != c)", "Eq to NotEq"),
        ("print(a not in b)", "print(a in b)", "NotIn to In"),
        ("print(a + b)", "print(a - b)", "Add to Sub"),
        ("a //= b", "a *= b", "FloorDiv to Mult"),
        ("print(a[1:])", "print(a[0:])", "constant -1"),
        ("print(1.5)", "print(2.5)", "constant +1"),
        ("print(True)", "print(False)", "negate the constant"),
        ("print(a and b)", "print(a or b)", "swap and/or"),
        ("if a:\n    b()", "if not a:\n    b()", "negate the condition"),
        ("print(b if a else c)", "print(b if not a else c)", "negate the condition"),
        ("while a:\n    b()", "while a:\n    pass", "delete the statement"),
        ("try:\n    a()\nexcept E:\n    b()", "try:\n    a()\nexcept E:\n    pass", "delete the statement"),
    ],
)
def test_each_kind_of_fault_is_made(program, mutant, fault):
    assert made(program)[mutant] == fault


def test_a_mutant_differs_from_the_program_and_from_all_others():
    programs = [mutant.program for mutant in mutants(PROGRAM)]
    assert len(set(programs)) == len(programs) > 8
    assert ast.unparse(ast.parse(PROGRAM)) not in programs
    for program in programs:
        ast.parse(program)


def test_the_line_of_a_fault_is_that_of_the_original_in_order():
    lines = [mutant.line for mutant in mutants(PROGRAM)]
    assert lines == sorted(lines)
    assert [mutant.line for mutant in mutants(PROGRAM) if mutant.fault == "NotEq to Eq"] == [6]


@pytest.mark.parametrize("program", ["import os", "def f(a): ...", "class C:\n    pass", "'text'", ""])
def test_definitions_imports_and_texts_are_no_places_for_a_fault(program):
    assert mutants(program) == []


def test_a_sample_is_in_order_and_the_same_for_the_same_seed():
    everything = mutants(PROGRAM)
    sample = mutants(PROGRAM, limit=4, seed=1)
    assert sample == mutants(PROGRAM, limit=4, seed=1) == [mutant for mutant in everything if mutant in sample]
    assert len(sample) == 4
    assert mutants(PROGRAM, limit=999) == everything
    assert len({tuple(mutants(PROGRAM, limit=4, seed=seed)) for seed in range(5)}) > 1


def test_a_program_that_does_not_parse_is_an_error():
    with pytest.raises(SyntaxError):
        mutants("print(")
