"""Runs a program under the system call filter of a systemd unit, on a machine where systemd does not run.

    confined.py UNIT PROGRAM ARGUMENT…

Applies SystemCallFilter=, RestrictAddressFamilies=, MemoryDenyWriteExecute= and NoNewPrivileges= as systemd.exec(5)
describes them, by libseccomp. Users, capabilities and mounts are the caller's matter.
"""

import errno
import os
import subprocess
import sys
import socket

import seccomp as sc


def settings(path):
    """Every `Key=value` of the unit, in order."""
    with open(path, encoding="utf-8") as unit:
        for line in unit:
            line = line.strip()
            if "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                yield key, value


def sets():
    """systemd's own named sets of system calls."""
    found, name = {}, None
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], check=True, capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif line.startswith("    ") and name and not line.strip().startswith("#"):
            found[name].append(line.strip())
        elif not line.startswith(" "):
            name = None
    return found


def expand(word, known):
    if not word.startswith("@"):
        return {word}
    return set().union(*(expand(each, known) for each in known[word]))


def main(unit, program):
    known, allowed = sets(), set(["execve"])
    families, strict_memory = None, False
    for key, value in settings(unit):
        if key == "SystemCallFilter":
            words = set().union(*(expand(word, known) for word in value.lstrip("~").split()))
            allowed = allowed - words if value.startswith("~") else allowed | words
        elif key == "RestrictAddressFamilies":
            families = [getattr(socket, name) for name in value.split()]
        elif key == "MemoryDenyWriteExecute":
            strict_memory = value == "yes"
    allowed |= expand("@default", known)

    rules = sc.SyscallFilter(sc.ERRNO(errno.EPERM))
    for name in sorted(allowed):
        try:
            if name == "socket" and families is not None:
                for family in families:
                    rules.add_rule(sc.ALLOW, name, sc.Arg(0, sc.EQ, family))
            elif name in ("mmap", "mprotect", "pkey_mprotect") and strict_memory:
                # PROT_EXEC is 4, PROT_WRITE 2: never both at once, and nothing becomes executable afterwards.
                if name == "mmap":
                    for prot in (0, 2, 4):
                        rules.add_rule(sc.ALLOW, name, sc.Arg(2, sc.MASKED_EQ, 6, prot))
                else:
                    rules.add_rule(sc.ALLOW, name, sc.Arg(2, sc.MASKED_EQ, 4, 0))
            else:
                rules.add_rule(sc.ALLOW, name)
        except (RuntimeError, OSError, ValueError):
            continue  # Another architecture's.
    rules.load()
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
