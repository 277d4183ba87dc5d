"""A seccomp filter assembled by hand, so that no system library is needed: what a test program may not ask for.

Refused calls answer EPERM (ENOSYS for clone3, so that libc falls back to clone, whose flags a filter can read).
Numbers: Linux syscall tables of x86_64 and of the generic table (aarch64); filter layout: linux/seccomp.h.
"""

from __future__ import annotations

import platform
import struct

from deepcoder.judge.inside.landlock import OWN_PROCESS

_LOAD, _JEQ, _JGE, _JSET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOTTY, _ENOSYS = 1, 25, 38
_NR, _ARCH, _ARG0 = 0, 4, 16
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020080
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64)
_REFUSED: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "socket": (41, 198),
    "personality": (135, 92),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
}
_CLONE, _CLONE3, _PRLIMIT = (56, 220), (435, 435), (302, 261)

# What Landlock does not govern and bubblewrap holds by namespaces: marks of files outside, which belong to the same
# user; notice of what happens to them; sockets reached by a socket pair; objects shared by number or name.
_REFUSED_BESIDE_LANDLOCK: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "connect": (42, 203),
    "bind": (49, 200),
    "shmctl": (31, 195),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_unlink": (241, 181),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
_SOCKETPAIR, _IOCTL = (53, 199), (16, 29)
_SETPRIORITY, _IOPRIO_SET = (141, 140), (251, 30)
# sched_setparam, sched_setscheduler, sched_setattr, sched_setaffinity: the process is argument 0, 0 for oneself.
_SCHEDULING = ((142, 118), (144, 119), (314, 274), (203, 122))
# kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo
_SIGNALLING = ((62, 129), (200, 130), (234, 131), (129, 138), (297, 240))
_PIDFD_SEND_SIGNAL, _FCNTL = (424, 424), (72, 25)
_TRUNCATE, _OPEN, _OPENAT, _OPENAT2 = (76, 45), (2, None), (257, 56), (437, 437)
_UNIX = 1
# SOCK_STREAM with SOCK_NONBLOCK, SOCK_CLOEXEC, both: a stream reaches its pair only, a datagram any name.
_STREAM = (0x1, 0x801, 0x80001, 0x80801)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_HARMLESS_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_SET_OWNER, _SET_OWNER_EX = 8, 15
_O_TRUNC = 0x200

_Steps = list[tuple[int, int, int, int]]


def filter_program(landlock_abi: int | None = None) -> bytes | None:
    """The BPF bytes for this machine, or None on an architecture that has no table here.

    With a version of Landlock it also refuses what namespaces would hold and that version does not; the process that
    installs it puts its own id where OWN_PROCESS stands.
    """
    machine = platform.machine()
    if machine not in _AUDIT:
        return None
    column = 0 if machine == "x86_64" else 1
    code: _Steps = [
        (_LOAD, 0, 0, _ARCH),
        (_JEQ, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
        (_JGE, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        *_refuse(_CLONE3[column], _ENOSYS),
    ]
    for numbers in _REFUSED.values():
        code += _refuse(numbers[column])
    code += [
        # New namespaces by clone: refused by flag.
        (_JEQ, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, _ARG0),
        (_JSET, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    # Limits of another process: a program could starve the one that watches it.
    code += _only(_PRLIMIT[column], {0: (0,)})
    if landlock_abi is not None:
        code += _beside_landlock(landlock_abi, column)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in code)


def _beside_landlock(abi: int, column: int) -> _Steps:
    code: _Steps = []
    for numbers in _REFUSED_BESIDE_LANDLOCK.values():
        code += _refuse(numbers[column])
    code += _only(_SOCKETPAIR[column], {0: (_UNIX,), 1: _STREAM})
    code += _only(_IOCTL[column], {1: _HARMLESS_IOCTLS}, _ENOTTY)
    # PRIO_PROCESS and IOPRIO_WHO_PROCESS of oneself: all processes of a user can be meant by the same calls.
    code += _only(_SETPRIORITY[column], {0: (0,), 1: (0,)})
    code += _only(_IOPRIO_SET[column], {0: (1,), 1: (0,)})
    for pair in _SCHEDULING:
        code += _only(pair[column], {0: (0,)})
    if abi < 6:
        for pair in _SIGNALLING:
            code += _only(pair[column], {0: (0, OWN_PROCESS)})
        code += _refuse(_PIDFD_SEND_SIGNAL[column])
        # The kernel signals whom a program names the owner of a descriptor.
        code += _except(_FCNTL[column], 1, (_SET_OWNER, _SET_OWNER_EX))
    if abi < 3:
        code += _refuse(_TRUNCATE[column])
        code += _refuse(_OPENAT2[column], _ENOSYS)
        code += _never_truncating_unwritten(_OPEN[column], 1)
        code += _never_truncating_unwritten(_OPENAT[column], 2)
    return code


def _refuse(number: int | None, error: int = _EPERM) -> _Steps:
    return [] if number is None else [(_JEQ, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]


def _only(number: int, allowed: dict[int, tuple[int, ...]], error: int = _EPERM) -> _Steps:
    """Allow a call only where each argument named has one of its values (the low 32 bits are compared)."""
    body: _Steps = []
    for argument, values in allowed.items():
        body.append((_LOAD, 0, 0, _ARG0 + 8 * argument))
        body += [(_JEQ, len(values) - place, 0, value) for place, value in enumerate(values)]
        body.append((_RETURN, 0, 0, _ERRNO | error))
    body.append((_RETURN, 0, 0, _ALLOW))
    return [(_JEQ, 0, len(body), number), *body]


def _except(number: int, argument: int, values: tuple[int, ...]) -> _Steps:
    """Allow a call unless its argument has one of the values."""
    body: _Steps = [(_LOAD, 0, 0, _ARG0 + 8 * argument)]
    for value in values:
        body += _refuse(value)
    body.append((_RETURN, 0, 0, _ALLOW))
    return [(_JEQ, 0, len(body), number), *body]


def _never_truncating_unwritten(number: int | None, flags: int) -> _Steps:
    """Refuse to open with O_TRUNC but not for writing, which empties a file that Landlock lets a program only read."""
    if number is None:
        return []
    body: _Steps = [
        (_LOAD, 0, 0, _ARG0 + 8 * flags),
        (_JSET, 1, 0, _O_TRUNC),
        (_RETURN, 0, 0, _ALLOW),
        (_AND, 0, 0, 3),
        (_JEQ, 1, 0, 1),
        (_JEQ, 0, 1, 2),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]
    return [(_JEQ, 0, len(body), number), *body]
