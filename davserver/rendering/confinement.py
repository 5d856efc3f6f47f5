"""What a child gives up before it looks at a document: network, files, processes, memory and time.

Everything is done by the child to itself, so it needs no privilege of the server: namespaces (user_namespaces(7)),
Landlock (landlock(7)), limits (setrlimit(2)), no new privileges (prctl(2)). Which of them a machine grants differs;
`confine` tells what holds, and its caller decides what he dares with that (docs/decisions/0032).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from collections.abc import Iterable
from enum import Flag, auto
from pathlib import Path

MIB = 1024**2
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    *(0x00020000, 0x08000000, 0x10000000),
    *(0x20000000, 0x40000000),
)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
SIGKILL = 9
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # landlock's system calls, the same on every architecture
RULE_PATH_BENEATH, GET_VERSION = 1, 1
LL_EXECUTE, LL_WRITE, LL_READ, LL_READ_DIRECTORY = 1, 2, 4, 8
LL_FIRST_VERSION, LL_REFER, LL_TRUNCATE, LL_DEVICES = (1 << 13) - 1, 1 << 13, 1 << 14, 1 << 15
LL_NETWORK, LL_SCOPES = 3, 3
ON_A_FILE = LL_EXECUTE | LL_WRITE | LL_READ | LL_TRUNCATE | LL_DEVICES
LAST_CAPABILITY = 63


class Holds(Flag):
    """What the machine has granted."""

    LIMITS = auto()
    """On memory, time, files and processes; always."""
    NO_NETWORK = auto()
    """Namespaces of its own, without any network device."""
    OWN_MEMORY = auto()
    """A file system in memory on /tmp that nobody else sees and that ends with the child."""
    NO_FILES = auto()
    """Landlock: nothing can be opened but what was named."""


def limit(memory: int, seconds: int, open_files: int, processes: int, file_bytes: int) -> None:
    """Limits for the rest of this process's life and of all that it starts; `memory` and `file_bytes` in bytes."""
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))


def give_up_privileges() -> None:
    """Nothing that is started gains any, no other process may look inside, and the end of the server is our end."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no new privileges")


def leave_network() -> Holds:
    """Enter namespaces without network, with own mounts and processes; what is forked from now on lives in them."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID):
        return Holds(0)
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return Holds.NO_NETWORK
    return Holds.NO_NETWORK | _own_memory(libc)


def _own_memory(libc: ctypes.CDLL) -> Holds:
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        return Holds(0)
    if libc.mount(b"none", b"/tmp", b"tmpfs", MS_NOSUID | MS_NODEV, b"size=512m,mode=0700"):
        return Holds(0)
    return Holds.OWN_MEMORY


def leave_files(readable: Iterable[str], writable: Iterable[str] = ()) -> Holds:
    """Nothing can be opened any more but what lies under these; no TCP either, where the kernel can refuse it."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, 0, GET_VERSION)
    if version < 1:
        return Holds(0)
    every = LL_FIRST_VERSION
    every |= (LL_REFER if version >= 2 else 0) | (LL_TRUNCATE if version >= 3 else 0)
    every |= LL_DEVICES if version >= 5 else 0
    words = [every, LL_NETWORK if version >= 4 else 0, LL_SCOPES if version >= 6 else 0]
    wished = struct.pack("=QQQ", *words)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(CREATE_RULESET, wished, len(wished), 0)
    if ruleset < 0:
        return Holds(0)
    look = LL_READ | LL_READ_DIRECTORY | LL_EXECUTE
    named = [(path, look) for path in readable] + [(path, every & ~LL_DEVICES) for path in writable]
    for path, rights in named:
        _allow(libc, ruleset, path, rights & every)
    if libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock")
    os.close(ruleset)
    return Holds.NO_FILES


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    """A path that does not exist needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights &= -1 if Path(path).is_dir() else ON_A_FILE
        if libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0):
            raise OSError(ctypes.get_errno(), "landlock")
    finally:
        os.close(place)
