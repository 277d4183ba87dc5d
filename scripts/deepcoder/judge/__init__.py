"""The judge: runs an untrusted Python program on tests, in a sandbox, and says whether it is right."""

from deepcoder.judge.anywhere import open_judge
from deepcoder.judge.cluster import RayJudge
from deepcoder.judge.comparators import COMPARATORS, comparator
from deepcoder.judge.extract import extract_code
from deepcoder.judge.interface import JudgeInterface
from deepcoder.judge.isolation import Isolation, isolation_level
from deepcoder.judge.model import (
    STALL_SECONDS,
    RunOutput,
    Status,
    Submission,
    Verdict,
    check_submission,
    no_code_verdict,
)
from deepcoder.judge.pool import JudgePool, run_program

__all__ = [
    "COMPARATORS",
    "STALL_SECONDS",
    "Isolation",
    "JudgeInterface",
    "JudgePool",
    "RayJudge",
    "RunOutput",
    "Status",
    "Submission",
    "Verdict",
    "check_submission",
    "comparator",
    "extract_code",
    "isolation_level",
    "no_code_verdict",
    "open_judge",
    "run_program",
]
