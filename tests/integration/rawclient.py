# SPDX-License-Identifier: GPL-2.0-or-later
"""rawclient.py MODE: peers that behave as no library would. Prints what came of it; status 0 if the
daemon did what it has to. Frames are built by hand, so that nothing of ours is believed."""
import os
import select
import socket
import struct
import sys
import time

HEADER = struct.Struct("<IHHQ")
HELLO, ARENA, OPEN, WRITE, SYNC, CLOSE, CANCEL, STATUS = 1, 2, 4, 5, 6, 7, 8, 9
HELLO_REPLY, OPEN_REPLY, STATUS_REPLY, ACKS, ERROR = 0x81, 0x82, 0x83, 0x84, 0x86
FEATURE_FDS = 1


def frame(kind, number, body=b"", tail=b""):
    return HEADER.pack(HEADER.size + len(body) + len(tail), kind, 0, number) + body + tail


def hello(number=1):
    return frame(HELLO, number, struct.pack("<IHHQQQ", 0x444E5458, 1, 1, FEATURE_FDS, 0, 0))


def status(number):
    return frame(STATUS, number, struct.pack("<Q", 0))


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(os.environ["EXTENTD_SOCKET"])
    s.settimeout(20)
    return s


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_frame(s):
    length, kind, _, number = HEADER.unpack(read_exactly(s, HEADER.size))
    return kind, number, read_exactly(s, length - HEADER.size)


def begin():
    s = connect()
    s.sendall(hello())
    assert read_frame(s)[0] == HELLO_REPLY
    return s


def expect_error(s, code):
    while True:
        kind, _, body = read_frame(s)
        if kind == ERROR:
            got = struct.unpack_from("<QI", body)[1]
            assert got == code, f"error {got}, not {code}"
            break
    assert s.recv(1) == b"", "the session goes on after an error that ends it"


def slow_reader():
    """Asks without end and reads nothing: the daemon has to stop reading, not to swell."""
    s = begin()
    s.setblocking(False)
    request, sent, idle = status(7) * 64, 0, 0
    while idle < 20 and sent < 256 << 20:
        try:
            sent += s.send(request[sent % len(request):])
            idle = 0
        except BlockingIOError:
            idle += 1
            time.sleep(0.05)
    print(f"the daemon read {sent >> 10} KiB of requests before it waited for its reader")
    assert sent < 64 << 20, "the daemon goes on reading for a client that reads nothing"
    # And the one who begins to read gets every answer, in full frames.
    s.setblocking(True)
    answers = sent // 24
    for _ in range(min(answers, 2000)):
        assert read_frame(s)[0] in (STATUS_REPLY, ACKS)


def byte_at_a_time():
    s = connect()
    for byte in hello() + status(2):
        s.sendall(bytes([byte]))
    assert read_frame(s)[0] == HELLO_REPLY
    assert read_frame(s)[0] == STATUS_REPLY


def half_frame():
    """Half a frame and then the end: the session just ends."""
    for cut in (1, 15, 16, 47):
        s = connect()
        s.sendall(hello()[:cut])
        s.shutdown(socket.SHUT_WR)
        try:
            while s.recv(4096):
                pass
        except ConnectionResetError:
            pass


def malformed():
    for data, code in (
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2, None),
        (frame(HELLO, 1, b"\xff" * 32), None),
        (hello() + hello(2), 6),                                   # HELLO twice
        (status(1), 6),                                            # no HELLO first
        (hello() + HEADER.pack(16, 0x7F, 0, 2), 4),                # unknown type
        (hello() + HEADER.pack(0xFFFFFFFF, STATUS, 0, 2) + bytes(8), 3),  # a length that cannot be
        (hello() + HEADER.pack(3, STATUS, 0, 2) + bytes(8), 3),
        (hello() + frame(STATUS, 2, struct.pack("<Q", 1)), 5),     # reserved bits
        (hello() + HEADER.pack(24, STATUS, 1, 2) + bytes(8), 5),
    ):
        s = connect()
        s.sendall(data)
        try:
            if code is None:
                while s.recv(4096):
                    pass
            else:
                expect_error(s, code)
        except ConnectionResetError:
            assert code is None, f"no ERROR frame for {data[:80]!r}"


def silent():
    """Says nothing: closed after HelloSeconds."""
    s = connect()
    start = time.monotonic()
    try:
        while s.recv(4096):
            pass
    except ConnectionResetError:
        pass
    print(f"closed after {time.monotonic() - start:.1f} s")


def descriptor_flood():
    """Descriptors that no frame claims: at most a few are held, then the session ends."""
    s = begin()
    try:
        for _ in range(64):
            socket.send_fds(s, [status(3)], [0] * 64)
            time.sleep(0.01)
        while True:
            read_frame(s)
    except (EOFError, ConnectionResetError, BrokenPipeError):
        return
    except TimeoutError:
        raise AssertionError("a flood of descriptors is taken without end") from None


def many(count):
    """Sessions that all say HELLO, are idle, and then all want an answer."""
    sessions = [begin() for _ in range(count)]
    print(f"{count} sessions", flush=True)
    for s in sessions:
        s.sendall(status(9))
    for s in sessions:
        assert read_frame(s)[0] == STATUS_REPLY
    sys.stdin.readline()
    for s in sessions:
        s.sendall(status(10))
    for s in sessions:
        assert read_frame(s)[0] == STATUS_REPLY


def together(directory):
    """Many OPENs and their descriptors in one message, more than once without waiting: each frame
    gets its own, which the sizes of the files tell."""
    s = begin()
    made, messages = 0, (253, 200, 1, 4)
    for count in messages:
        frames, fds = b"", []
        for i in range(made, made + count):
            fds.append(os.open(f"{directory}/{i}", os.O_RDWR | os.O_CREAT, 0o600))
            os.ftruncate(fds[-1], i)
            frames += frame(OPEN, i + 10, struct.pack("<IIII", i, 1, 0, 20), b"x" * 20)
            if i % 50 == 9:  # what claims nothing may stand in between
                frames += status(5)
        assert len(frames) < 32768 and socket.send_fds(s, [frames], fds) == len(frames)
        made += count
        for fd in fds:
            os.close(fd)
    answers = 0
    while answers < made:
        kind, _, body = read_frame(s)
        if kind == OPEN_REPLY:
            handle, size = struct.unpack_from("<I20xQ", body)
            assert handle == size, f"handle {handle} is the file of {size} bytes"
            answers += 1
        assert kind in (OPEN_REPLY, STATUS_REPLY), f"frame {kind:#x}"
    s.close()


def overtaken(*directories):
    """A SYNC of the session that waits for a write, and files on further filesystems that are opened
    behind it: what it covers was settled when it was sent."""
    fds = [os.open(f"{d}/overtaken", os.O_RDWR | os.O_CREAT, 0o600) for d in directories]
    opens = [frame(OPEN, i + 10, struct.pack("<IIII", i, 1, 0, 1), b"x") for i in range(len(fds))]
    size = 131072
    write = frame(WRITE, 3, struct.pack("<IIQQQQQIIIHBBQ", 0, 0xFFFFFFFF, 0, size, size, 0, 0, size,
                                        0, 0, 0, 2, 0, 0), os.urandom(size))
    sync = frame(SYNC, 4, struct.pack("<II", 2, 0))
    for _ in range(200):
        s = begin()
        socket.send_fds(s, [opens[0]], fds[:1])
        while read_frame(s)[0] != OPEN_REPLY:
            pass
        s.sendall(write + sync)
        data = b"".join(opens[1:])
        assert socket.send_fds(s, [data], fds[1:]) == len(data)
        waited = {3, 4} | set(range(11, 10 + len(fds)))
        while waited:
            kind, number, body = read_frame(s)
            if kind == OPEN_REPLY:
                waited.discard(number)
            for i in range(struct.unpack_from("<I", body)[0] if kind == ACKS else 0):
                number, _, code = struct.unpack_from("<QQI", body, 8 + 32 * i)
                assert code == 0, f"request {number}: code {code}"
                waited.discard(number)
        s.close()


mode = sys.argv[1]
if mode == "overtaken":
    overtaken(*sys.argv[2:])
elif mode == "together":
    together(sys.argv[2])
elif mode == "many":
    many(int(sys.argv[2]))
else:
    {"slow-reader": slow_reader, "byte-at-a-time": byte_at_a_time, "half-frame": half_frame,
     "malformed": malformed, "silent": silent, "descriptor-flood": descriptor_flood}[mode]()
