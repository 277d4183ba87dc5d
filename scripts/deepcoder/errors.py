"""The exceptions that a user sees as a sentence rather than as a traceback."""

TEMPORARY_FAILURE = 75  # EX_TEMPFAIL of sysexits.h: the same command goes on from here


class UserError(Exception):
    """Bad input or a bad environment.

    The message names the file and the row or key at fault, and the remedy. Doors print it and exit with 1.
    """


class Resumable(UserError):
    """Nothing is wrong with what was asked: a process or a node was lost, and the same command goes on from here.

    Doors exit with TEMPORARY_FAILURE, on which a launcher runs them again.
    """
