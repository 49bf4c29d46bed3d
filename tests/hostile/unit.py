#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd does for a socket unit with Restart=on-failure.

usage: unit.py SOCKET PIDFILE COMMAND...

Holds the listening socket and starts COMMAND with it; when a signal has killed it, starts it again
with the same socket, so that clients which connect meanwhile only wait. SIGTERM goes to COMMAND, and
its exit status becomes ours.
"""
import os
import signal
import socket
import sys

path, pidfile, command = sys.argv[1], sys.argv[2], sys.argv[3:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(128)
child = 0
stopping = False


def stop(number, frame):
    global stopping
    stopping = True
    if child:
        os.kill(child, signal.SIGTERM)


signal.signal(signal.SIGTERM, stop)
while not stopping:
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execv(command[0], command)
    with open(pidfile + ".new", "w") as f:
        f.write(f"{child}\n")
    os.rename(pidfile + ".new", pidfile)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status >= 0:
        sys.exit(status)
