"""Small problems with honest programs, shared by the judge's benchmarks and its tests."""

from .call_programs import CALL_PROBLEMS
from .numpy_programs import NUMPY_PROBLEMS
from .problem import Problem
from .stdin_programs import STDIN_PROBLEMS

LIGHT_PROBLEMS = STDIN_PROBLEMS + CALL_PROBLEMS

__all__ = ["CALL_PROBLEMS", "LIGHT_PROBLEMS", "NUMPY_PROBLEMS", "STDIN_PROBLEMS", "Problem"]
