"""What a statement alone gives away: its language, a missing picture, a dialogue; and tests that are too large."""

import pytest
from true_rows import hub_source

from deepcoder.config.schema import Curation, Filters
from deepcoder.curation.normalise import normalise
from deepcoder.curation.rows import Parsed
from deepcoder.curation.rules import Evidence
from deepcoder.curation.rules.filters import test_size as size_rule
from deepcoder.curation.rules.statements import english_shares, images, interactive, language
from deepcoder.schemas.tests_store import TestsStore, stored_bytes

ALL = Filters(english=True, without_images=True, without_interaction=True, max_test_bytes=100, max_tests_bytes=250)
NOTHING_KNOWN = Evidence({}, frozenset(), lambda row: 0, {})

ENGLISH = {
    "plain": "Read n and then n integers. Print the largest of them, or -1 if the list is empty.",
    "short": "Print the sum.",
    "maths": "Let $a_1, a_2, \\dots, a_n$ be integers with $1 \\le a_i \\le 10^9$. For each $k$ from 1 to $n$ find "
    "$\\sum_{i=1}^{k} a_i \\cdot (k - i) \\bmod 998244353$.",
    "greek": "An angle α and a radius ρ are given, ∀ i ≤ n: 0 ≤ αᵢ < π. Find the area of the sector with β = 2α.",
    "names": "Łukasz, Zoë and Émile share n sweets. Each of them takes one in turn. Who takes the last one?",
    "code": "Return what this function returns for n:\n```python\ndef f(n):\n    x = [n]\n    while x[-1] > 1:\n"
    "        x.append(x[-1] // 2 if x[-1] % 2 == 0 else 3 * x[-1] + 1)\n    return len(x)\n```\nThe "
    "input is one number.",
    "list": "Input: n m k p q. Output: the number of pairs (i, j) such that i < j and a[i] + a[j] is divisible by k.",
}
OTHERS = {
    "russian": "Дано целое число n. Выведите сумму всех его делителей, которые не превосходят корня из этого числа.",
    "mixed": "Дан массив array из n чисел. Выведите максимум. Input: первая строка содержит n.",
    "chinese": "给定一个整数数组和一个目标值，请你在该数组中找出和为目标值的两个整数，并返回它们的下标。",
    "japanese": "整数 N と長さ N の数列 A が与えられます。すべての要素の和を求めてください。",
    "portuguese": "Dado um número inteiro n, escreva um programa que imprima a soma de todos os "
    "divisores de n. A entrada "
    "contém uma única linha com o valor de n, e a saída deve conter apenas um número.",
    "spanish": "Dado un entero n, escriba un programa que imprima la suma de todos los divisores de n. "
    "La entrada consta "
    "de una sola línea con el valor de n y la salida debe contener un solo número.",
    "german": "Gegeben ist eine ganze Zahl n. Schreibe ein Programm, das die Summe aller Teiler von n ausgibt. Die "
    "Eingabe besteht aus einer einzigen Zeile mit dem Wert von n.",
    "french": "On donne un entier n. Écrivez un programme qui affiche la somme de tous les diviseurs de "
    "n. L'entrée est "
    "composée d'une seule ligne qui contient la valeur de n.",
    "vietnamese": "Cho một số nguyên n. Hãy viết chương trình in ra tổng tất cả các ước của n. Dữ liệu "
    "vào gồm một dòng "
    "duy nhất chứa số nguyên n.",
}  # fmt: skip


def rows_of(*statements, tests=None, tmp_path):
    made = [
        Parsed(str(number), statement, "stdin", tests or [{"input": "1\n", "output": "2\n"}])
        for number, statement in enumerate(statements)
    ]
    return normalise("made", hub_source(), made, TestsStore(tmp_path))[0]


def reasons(rule, rows, filters=ALL):
    config = Curation(min_tests=1, max_prompt_tokens=100, validation_fraction=0.0, filters=filters)
    found = rule(rows, config, NOTHING_KNOWN)
    return {row["statement"]: found[row["id"]] for row in rows if row["id"] in found}


@pytest.mark.parametrize("statement", ENGLISH.values(), ids=ENGLISH)
def test_english_statements_stay(statement, tmp_path):
    assert reasons(language, rows_of(statement, tmp_path=tmp_path)) == {}


@pytest.mark.parametrize("statement", OTHERS.values(), ids=OTHERS)
def test_statements_in_other_languages_go(statement, tmp_path):
    (reason,) = reasons(language, rows_of(statement, tmp_path=tmp_path)).values()
    assert "needed" in reason


def test_the_shares_are_counted_outside_code_and_formulas():
    assert english_shares("The `número` of $ворота$ vale given") == (1.0, 0.75, 4)
    assert english_shares("12 + 30 = 42") == (1.0, 1.0, 0)
    assert english_shares("sum всех чисел")[0] == 3 / 12


def test_a_task_with_a_picture_goes_and_one_whose_examples_have_one_stays(tmp_path):
    task = [
        "Cut the shape ![shape](https://example.org/a.png) in two.",
        'Cut the shape <img src="a.png" width=3> in two.',
        "The value is <image> modulo p.",
        "A board is given. [Image]\n\nFind the way.",
        "Digits are drawn as shown in the figure below. Count the strokes.",
        "The diagram above shows a star. Count its points.",
    ]
    kept = [
        "Count the pixels of an image. An image is a matrix; figure out the largest.",
        "Add.\n\nExample 1\n\nInput\n\n1\n\nNote\n\nThis is the first case: <image>",
        "Add.\n\n-----Examples-----\nInput\n1\n\nAs shown in the picture below: [Image]",
        "Add.\n\nSample Input\n1\nExplanation: see the figure above.",
        "Every imgur link counts as one.",
    ]
    found = reasons(images, rows_of(*task, *kept, tmp_path=tmp_path))
    assert sorted(found) == sorted(task)
    assert found[task[2]] == 'a picture in the task: "<image>"'
    assert reasons(images, rows_of(*task, tmp_path=tmp_path), Filters()) == {}


def test_a_dialogue_with_the_judge_goes_and_other_interaction_stays(tmp_path):
    task = [
        "This is an interactive problem. Guess the number.",
        "Guess. Do not forget to flush the output after each query.",
        "After each query call fflush(stdout).",
        "The interactor answers by < or >.",
    ]
    kept = [
        "You are given an array and q queries. Make queries of the form l r and answer each.",
        "Note that this is not an interactive problem.",
        "This is the non-interactive version of the game.",
        "Scientists study interactions in an interactive museum. A flush of five cards wins.",
    ]
    found = reasons(interactive, rows_of(*task, *kept, tmp_path=tmp_path))
    assert sorted(found) == sorted(task)
    assert found[task[0]] == 'an interactive problem: "interactive problem"'


def test_tests_beyond_the_caps_go_with_their_size(tmp_path):
    def sized(*sizes):
        return [{"input": "x" * size, "output": ""} for size in sizes]

    frame = stored_bytes({"input": "", "output": ""})
    within = rows_of("fits", tests=sized(100 - frame, 1), tmp_path=tmp_path)
    assert within[0]["largest_test_bytes"] == 100
    assert within[0]["tests_bytes"] == 100 + frame + 1
    assert reasons(size_rule, within) == {}
    (reason,) = reasons(size_rule, rows_of("large", tests=sized(101 - frame), tmp_path=tmp_path)).values()
    assert reason == "101 bytes in the largest test, at most 100 allowed"
    (reason,) = reasons(size_rule, rows_of("many", tests=sized(50, 50, 50, 50), tmp_path=tmp_path)).values()
    assert reason == f"{200 + 4 * frame} bytes in all tests, at most 250 allowed"
    assert reasons(size_rule, within, Filters()) == {}
