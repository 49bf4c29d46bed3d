# SPDX-License-Identifier: GPL-2.0-or-later
"""rawread.py peers|slow DIRECTORY: READ by peers that behave as no library would. Status 0 if the
daemon did what it has to. The directory is test-rights.sh's."""
import fcntl
import mmap
import os
import socket
import struct
import subprocess
import sys

HEADER = struct.Struct("<IHHQ")
HELLO, ARENA, OPEN, WRITE, SYNC, CLOSE, READ = 1, 2, 4, 5, 6, 7, 0x0A
HELLO_REPLY, OPEN_REPLY, ACKS, ERROR, READ_REPLY = 0x81, 0x82, 0x84, 0x86, 0x87
FDS, READS = 1, 2
INLINE = 0xFFFFFFFF
CODES = {4: "FRAME_TYPE", 5: "RESERVED", 8: "CREDIT", 20: "HANDLE", 22: "ARENA", 26: "ARENA_RANGE",
         30: "OPEN_FAILED", 33: "NOT_REGULAR", 34: "NOT_WRITABLE", 43: "PAYLOAD_SIZE", 45: "FILE_SIZE",
         70: "NOT_READABLE", 71: "READ_FAILED", 72: "READ_ROOM", 73: "ARENA_CLOSED"}
F_ADD_SEALS, SEAL_SHRINK, SEAL_WRITE = 1033, 2, 8
WHOLE = 131072


def frame(kind, number, body=b"", tail=b""):
    return HEADER.pack(HEADER.size + len(body) + len(tail), kind, 0, number) + body + tail


class Peer:
    def __init__(self, features=FDS | READS):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(os.environ["EXTENTD_SOCKET"])
        self.s.settimeout(60)
        self.number = 1
        self.send(HELLO, struct.pack("<IHHQQQ", 0x444E5458, 1, 1, features, 0, 0))
        kind, _, body = self.receive()
        assert kind == HELLO_REPLY
        self.features = struct.unpack_from("<Q", body, 8)[0]

    def send(self, kind, body, tail=b"", fd=None):
        data = frame(kind, self.number, body, tail)
        if fd is None:
            self.s.sendall(data)
        else:
            socket.send_fds(self.s, [data], [fd])
        self.number += 1
        return self.number - 1

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        length, kind, _, number = HEADER.unpack(self.exactly(HEADER.size))
        return kind, number, self.exactly(length - HEADER.size)

    def answers(self, n):
        """By request: a code's name, or (kind, len, payload_len, payload)."""
        found = {}
        while len(found) < n:
            kind, number, body = self.receive()
            if kind == ACKS:
                for i in range(struct.unpack_from("<I", body)[0]):
                    which, _, code = struct.unpack_from("<QQI", body, 8 + 32 * i)
                    found[which] = CODES.get(code, str(code)) if code else "done"
            elif kind == OPEN_REPLY:
                found[number] = "opened"
            elif kind == READ_REPLY:
                _, length, _, _, arena, size, _, what = struct.unpack_from("<QQQQIIII", body)
                payload = body[56:]
                assert len(payload) == (size if arena == INLINE else 0)
                found[number] = (what, length, size, payload)
            elif kind == ERROR:
                found[0] = CODES.get(struct.unpack_from("<QI", body)[1], "?")
                return found
        return found

    def answer(self, number):
        found = self.answers(1)
        return found.get(number, found.get(0))

    def open(self, fd, handle=0, flags=33):
        return self.send(OPEN, struct.pack("<IIII", handle, flags, 0, 0), fd=fd)

    def read(self, offset=0, handle=0, arena=INLINE, at=0, room=WHOLE):
        return self.send(READ, struct.pack("<IIQQIIQ", handle, arena, offset, at, room, 0, 0))

    def arena(self, size=4 * WHOLE, number=0, seals=SEAL_SHRINK, fill=True, reopen=None):
        fd = os.memfd_create("arena", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        if fill:
            os.write(fd, b"\xee" * size)
        else:
            os.ftruncate(fd, size)
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
        passed = fd if reopen is None else os.open(f"/proc/self/fd/{fd}", reopen)
        request = self.send(ARENA, struct.pack("<IIQ", number, 0, size), fd=passed)
        assert self.answer(request) == "done"
        return fd


def opened(path, features=FDS | READS):
    p = Peer(features)
    assert p.answer(p.open(os.open(path, os.O_RDONLY))) == "opened"
    return p


def refusals(directory):
    """What is no file to read from."""
    p = Peer()
    whole = directory + "/whole"
    for name in ("fifo", "dir", "device"):
        path = f"{directory}/{name}"
        assert p.answer(p.open(os.open(path, os.O_RDONLY | os.O_NONBLOCK))) == "NOT_REGULAR", name
        by_path = p.send(OPEN, struct.pack("<IIII", 0, 32, 0, len(path)), path.encode())
        assert p.answer(by_path) in ("NOT_REGULAR", "OPEN_FAILED"), name
    for flags in (os.O_WRONLY, os.O_WRONLY | os.O_APPEND, os.O_PATH):
        assert p.answer(p.open(os.open(whole, flags))) == "NOT_READABLE", flags
    assert p.answer(p.open(os.open(whole, os.O_RDWR | os.O_APPEND))) == "opened"


def hidden(directory):
    """Whatever comes of files that show a part of an extent, it is not the rest of it."""
    for name in ("public", "cut"):
        p, offset, seen = opened(f"{directory}/{name}"), 0, b""
        while True:
            what, length, _, payload = p.answer(p.read(offset))
            if what == 4:
                break
            assert what != 1, f"{name}: an extent as it is"
            seen += payload
            offset += length
        assert b"for all to see" in seen and b"secret" not in seen, name


def features(path):
    """Without the feature there is no such frame and no such flag."""
    p = Peer(FDS)
    assert not p.features & READS
    p.read()
    assert p.answers(1) == {0: "FRAME_TYPE"}
    p = Peer(FDS)
    p.open(os.open(path, os.O_RDONLY))
    assert p.answers(1) == {0: "RESERVED"}


def handles(path):
    p = Peer()
    # Before it is open: waits; of one that fails, and of none: refused.
    wanted = {p.open(os.open(path, os.O_RDONLY)): "opened"}
    first = p.read()
    bad = p.open(os.open("/", os.O_RDONLY), 1)
    wanted[bad] = "NOT_REGULAR"
    wanted[p.read(handle=1)] = "HANDLE"
    wanted[p.read(handle=2)] = "HANDLE"
    wanted[p.read(handle=1 << 31)] = "HANDLE"
    found = p.answers(len(wanted) + 1)
    assert found.pop(first)[0] == 1, "what was asked before the file was open"
    assert found == wanted, f"{found}, not {wanted}"
    # For reading or for writing, not both.
    write = struct.pack("<IIQQQQQIIIHBBQ", 0, INLINE, 0, 4, 4, 0, 0, 4, 0, 0, 0, 2, 0, 0)
    assert p.answer(p.send(WRITE, write, b"abcd")) == "NOT_WRITABLE"
    assert p.answer(p.send(SYNC, struct.pack("<II", 1, 0))) == "NOT_WRITABLE"
    other = path + ".other"
    assert p.answer(p.open(os.open(other, os.O_RDWR | os.O_CREAT), 3, 1)) == "opened"
    assert p.answer(p.read(handle=3)) == "NOT_READABLE"
    os.unlink(other)
    for flags in (33 | 2, 33 | 4, 33 | 8, 33 | 16):
        assert p.answer(p.open(os.open(path, os.O_RDONLY), 4, flags)) == "RESERVED"
    # A file without a name, and one that is setuid, may be read.
    fd = os.open(other, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b"x" * 5000)
    os.chmod(other, 0o4755)
    os.unlink(other)
    assert p.answer(p.open(fd, 5)) == "opened"
    assert p.answer(p.read(handle=5))[0] in (1, 2)
    # CLOSE under way does not disturb a read.
    first = p.read()
    second = p.send(CLOSE, struct.pack("<II", 0, 0))
    found = p.answers(2)
    assert found[second] == "done" and found[first][0] == 1


def arenas(path):
    p = opened(path)
    fd = p.arena()
    what, _, size, _ = p.answer(p.read(arena=0, at=WHOLE))
    assert what == 1
    seen = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    payload = p.answer(p.read())[3]
    assert seen[WHOLE:WHOLE + size] == payload, "the arena holds something else"
    assert seen[:WHOLE] == b"\xee" * WHOLE, "the daemon wrote outside of the slot"
    assert seen[WHOLE + size:] == b"\xee" * (3 * WHOLE - size), "the daemon wrote outside of the slot"
    for at, room, code in ((3 * WHOLE + 1, WHOLE, "ARENA_RANGE"), (4 * WHOLE, 1, "ARENA_RANGE"),
                           (1 << 63, WHOLE, "ARENA_RANGE"), ((1 << 64) - 1, WHOLE, "ARENA_RANGE"),
                           (0, 0, "PAYLOAD_SIZE"), (0, WHOLE + 1, "PAYLOAD_SIZE"),
                           (0, 0xFFFFFFFF, "PAYLOAD_SIZE")):
        assert p.answer(p.read(arena=0, at=at, room=room)) == code, (at, room)
    assert p.answer(p.read(arena=1)) == "ARENA"
    # It takes the pages away while they are written to.
    hole = subprocess.run(["fallocate", "-p", "-o", "0", "-l", str(4 * WHOLE), f"/proc/self/fd/{fd}"],
                          pass_fds=[fd], check=False)
    assert hole.returncode == 0
    assert p.answer(p.read(arena=0)) == "ARENA_CLOSED", "a page of the arena is charged to the daemon"
    # Shrinking is what the seal forbids.
    try:
        os.ftruncate(fd, 0)
        raise AssertionError("the arena could be shrunk")
    except PermissionError:
        pass
    p.arena(number=1, seals=SEAL_SHRINK | SEAL_WRITE)
    assert p.answer(p.read(arena=1)) == "ARENA_CLOSED"
    p.arena(number=2, reopen=os.O_RDONLY)
    assert p.answer(p.read(arena=2)) == "ARENA_CLOSED"
    # Nothing is wrong with the session.
    assert p.answer(p.read())[0] == 1


def limits(path):
    p = opened(path)
    for offset in (1 << 63, (1 << 64) - 1):
        assert p.answer(p.read(offset)) == "FILE_SIZE"
    assert p.answer(p.read((1 << 63) - 1))[0] == 4
    # A credit for each byte of room: 64 MiB are 512 times the whole.
    n = 600
    for _ in range(n):
        p.read()
    found = p.answers(n)
    good = sum(1 for a in found.values() if a != "CREDIT" and a[0] == 1)
    assert good >= 512 and good + sum(1 for a in found.values() if a == "CREDIT") == n, good


def vanish(path):
    """Gone with everything under way, in each phase."""
    for n in (1, 10, 300):
        for through in (INLINE, 0):
            p = opened(path)
            p.arena(fill=True)
            for _ in range(n):
                p.read(arena=through)
            p.s.close()
    p = Peer()
    p.open(os.open(path, os.O_RDONLY))
    p.read()
    p.s.close()


def overlap(path):
    """Two reads into one place: the bytes are their problem, the answers are not."""
    p = opened(path)
    p.arena()
    numbers = [p.read(arena=0, at=at) for at in (0, 0, 1, 4096, 0, 70000) * 8]
    found = p.answers(len(numbers))
    assert all(found[n][0] == 1 for n in numbers)
    assert p.answer(p.read())[0] == 1


def slow(path):
    """Asks for as much as it may and takes nothing until it is told to. Another user's share."""
    os.setgroups([])
    os.setgid(4242)
    os.setuid(4242)
    peers = [opened(path) for _ in range(4)]
    for p in peers:
        for _ in range(512):
            p.read()
    print("waits", flush=True)
    sys.stdin.readline()
    for p in peers:
        assert all(a[0] == 1 for a in p.answers(512).values())


if sys.argv[1] == "slow":
    slow(sys.argv[2] + "/whole")
else:
    refusals(sys.argv[2])
    hidden(sys.argv[2])
    for misbehave in (features, handles, arenas, limits, vanish, overlap):
        misbehave(sys.argv[2] + "/whole")
