"""Restricts a process that parses a file to memory, its open descriptors, and exit.

Three layers. Each prevents most attacks from a compromised parser:

- *seccomp*: only the system calls of `_ALLOWED` work. All others fail with EPERM.
- *Landlock*: no access to the file system, to TCP, or to processes outside.
- *Own user*: under root, each process gets an unprivileged user of its own.

All work without privileges, except the last, which is only of use to root. Other systems than Linux have none
of them.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Literal

import msgspec

# <linux/landlock.h>
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_CREATE_RULESET_VERSION = 1
# The number of rights to files, TCP, and other processes that a version of Landlock knows.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_RIGHTS, _TCP_SINCE = 2, 4
_SCOPES, _SCOPES_SINCE = 2, 6

# <linux/prctl.h>, <linux/seccomp.h>, <linux/filter.h>
_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2
_RETURN_ALLOW, _RETURN_EPERM, _RETURN_KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_OFFSET_OF_NUMBER, _OFFSET_OF_ARCHITECTURE = 0, 4
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_ALLOWED: dict[str, tuple[int, int]] = {
    # Open descriptors: the file and the connection.
    "read": (0, 63),
    "readv": (19, 65),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    # Memory.
    "brk": (12, 214),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    "sysinfo": (99, 179),  # glibc's qsort
    # Clocks and random numbers.
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    # Its own signals, and exit.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""System calls that parsers need, with their numbers on x86_64 and aarch64.

None opens or creates anything, or reaches another process.
"""

# One user per process, so that they can't reach each other. No system assigns numbers from here on. User
# namespaces often have only 65,536 users, of which nobody is the last but one.
_FIRST_USER = 0x7000_0000
_NOBODY = 65534


class Containment(msgspec.Struct, frozen=True):
    """The layers that hold. `landlock` is the version of its interface (ABI); 0 without it."""

    landlock: int = 0
    seccomp: bool = False
    own_user: bool = False

    def level(self, *, root: bool) -> Literal["full", "partial", "none"]:
        """Whether all, some, or none of the possible layers are in force, for root or another user."""
        if self.landlock and self.seccomp and (self.own_user or not root):
            return "full"
        return "partial" if self.landlock or self.seccomp or self.own_user else "none"


def available() -> Containment:
    """The layers that this system offers. Forks, so call it without other threads."""
    if sys.platform != "linux":
        return Containment()
    return Containment(_landlock_version(), _has_seccomp(), _can_change_user())


def apply(layers: Containment) -> None:
    """Contain this process, irrevocably. Whatever it needs must be open, and imported.

    Raises:
        OSError: the system refused a layer, or does not enforce it.
    """
    if sys.platform != "linux":
        return
    if layers.own_user:
        _change_user()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if layers.landlock:
        _restrict_with_landlock(layers.landlock)
    if layers.seccomp:
        _filter_system_calls()
    if layers.landlock or layers.seccomp:
        _check()


def _landlock_version() -> int:
    try:
        return _system_call(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def _restrict_with_landlock(version: int) -> None:
    files = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    tcp = (1 << _TCP_RIGHTS) - 1 if version >= _TCP_SINCE else 0
    scopes = (1 << _SCOPES) - 1 if version >= _SCOPES_SINCE else 0
    # A ruleset without rules refuses every right that it names.
    attributes = struct.pack("=3Q", files, tcp, scopes)
    ruleset = _system_call(_CREATE_RULESET, attributes, len(attributes), 0)
    _system_call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _has_seccomp() -> bool:
    if platform.machine() not in _ARCHITECTURES or sys.maxsize < 2**32:
        return False
    try:
        _prctl(_PR_SET_SECCOMP, _MODE_FILTER)
    except OSError as error:
        # Without a filter it fails in any case: for this reason where filters are supported.
        return error.errno == errno.EFAULT
    return False


def _filter_system_calls() -> None:
    # struct sock_fprog of <linux/filter.h>: the number of instructions, and their address.
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    instructions = _instructions(platform.machine())
    program = Program(len(instructions) // 8, instructions)
    _prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(program))


def _instructions(machine: str) -> bytes:
    """The filter, in classic BPF. Each instruction: code, jumps if true and if false, operand."""
    column = list(_ARCHITECTURES).index(machine)
    numbers = [numbers[column] for numbers in _ALLOWED.values()]
    program = [
        (_LOAD, 0, 0, _OFFSET_OF_ARCHITECTURE),
        # Another architecture's calls have other numbers, such as those of 32-bit programs.
        (_JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _RETURN_KILL),
        (_LOAD, 0, 0, _OFFSET_OF_NUMBER),
        *((_JUMP_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
        (_RETURN, 0, 0, _RETURN_EPERM),
        (_RETURN, 0, 0, _RETURN_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _can_change_user() -> bool:
    if os.geteuid() != 0:
        return False
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _change_user()
            status = 0
        finally:
            os._exit(status)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    try:
        # Root without this capability could not stop it.
        os.kill(child, 0)
    except PermissionError:
        return False
    finally:
        _, status = os.waitpid(child, 0)
    return status == 0


def _change_user() -> None:
    death_signal = ctypes.c_int()
    _prctl(_PR_GET_PDEATHSIG, ctypes.addressof(death_signal))
    os.setgroups([])
    try:
        _set_user(_FIRST_USER + os.getpid())
    except OSError:
        _set_user(_NOBODY)
    # A change of the user clears it.
    _prctl(_PR_SET_PDEATHSIG, death_signal.value)


def _set_user(number: int) -> None:
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def _check() -> None:
    # Emulators may accept filters without enforcing them.
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    raise OSError(errno.ENOTSUP, "The system accepts Landlock or seccomp but does not enforce it")


def _prctl(option: int, argument: int = 0, pointer: int = 0) -> None:
    if _libc.prctl(option, *map(ctypes.c_ulong, (argument, pointer, 0, 0))) < 0:
        raise _error()


def _system_call(number: int, *arguments: int | bytes | None) -> int:
    converted = [
        ctypes.c_char_p(value) if value is None or isinstance(value, bytes) else ctypes.c_long(value)
        for value in arguments
    ]
    result: int = _libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        raise _error()
    return result


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


_libc = ctypes.CDLL(None, use_errno=True)
