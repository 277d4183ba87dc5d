"""The rules of curation in their order: each takes the problems that are left and says which go, and why."""

from deepcoder.curation.rules.contamination import contamination
from deepcoder.curation.rules.duplicates import exact_duplicate, near_duplicate, shared_tests
from deepcoder.curation.rules.evidence import Evidence, Rule
from deepcoder.curation.rules.filters import difficulty, enough_tests, held_out, prompt_length, test_size, validation
from deepcoder.curation.rules.references import flaky, parseable, several_answers, verified, weak_tests
from deepcoder.curation.rules.statements import images, interactive, language

__all__ = ["COMPARING", "READING", "RULES", "Evidence", "Rule"]

# Each of these looks at one problem at a time, and the others no more at its statement or its programs.
READING: tuple[tuple[str, Rule], ...] = (
    ("held_out", held_out),
    ("test_size", test_size),
    ("language", language),
    ("images", images),
    ("interactive", interactive),
    ("parseable", parseable),
    ("enough_tests", enough_tests),
    ("prompt_length", prompt_length),
    ("several_answers", several_answers),
    ("flaky", flaky),
    ("verified", verified),
    ("weak_tests", weak_tests),
)
COMPARING: tuple[tuple[str, Rule], ...] = (
    ("exact_duplicate", exact_duplicate),
    ("near_duplicate", near_duplicate),
    ("shared_tests", shared_tests),
    ("contamination", contamination),
    ("difficulty", difficulty),
    ("validation", validation),
)
RULES = READING + COMPARING
