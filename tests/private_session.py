"""A process that records a clip, analyses what it recorded, and may not reach any network.

Run by test_privacy.py: `python private_session.py CLIP FOLDER PERSON NOTE`. The kernel kills it (SIGSYS) the moment
that any code of it, Python or native, asks for a socket that is not local (AF_UNIX): a seccomp filter, which threads
and child processes inherit. All that Python logs, of any library, goes to standard error.
"""

import ctypes
import errno
import logging
import os
import platform
import struct
import sys
from pathlib import Path

_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
_SOCKET = {"x86_64": 41, "aarch64": 198}
_NUMBER_AT, _FIRST_ARGUMENT_AT = 0, 16  # of `struct seccomp_data`
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_networks() -> None:
    """From here on a socket of another family than AF_UNIX ends the process.

    Raises:
        OSError: this kernel has no filters, or none for this machine is known.
    """
    if platform.machine() not in _SOCKET:
        raise OSError(errno.ENOSYS, "no filter for this machine")
    steps = [
        (_LOAD, 0, 0, _NUMBER_AT),
        (_EQUAL, 0, 2, _SOCKET[platform.machine()]),  # another call: over to "allow"
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_EQUAL, 0, 1, 1),  # not AF_UNIX: go to "kill"
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = _Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses a filter")


def main(clip: str, folder: Path, person: str, note: str) -> None:
    from ahdetect import Consent, Session, analyze, consent_text

    consent = Consent.given(["recording", "analysis", "adaptation"], consent_text("en"), person=person)
    with Session(clip, clip, out=folder, consent=consent) as session:
        session.mark_prompt("hesitant")
        session.mark(note)
        print("recording", flush=True)
        session.wait(60)
    print("recorded", flush=True)
    timeline = analyze(folder)
    assert timeline.rows
    print("analysed", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    try:
        forbid_networks()
    except OSError:
        sys.exit(77)
    if sys.argv[1:] == ["network"]:  # what the filter is worth
        import socket

        socket.socket(socket.AF_UNIX).close()
        socket.socket(socket.AF_INET)
    os.umask(0)  # private files are private by themselves
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
