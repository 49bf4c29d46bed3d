# SPDX-License-Identifier: GPL-2.0-or-later
"""mutate-tree.py DIRECTORY SEED COUNT: changes a tree in COUNT ways, as chance (and SEED) has it."""
import fcntl
import os
import random
import stat
import struct
import subprocess
import sys

FICLONERANGE, BLOCK = 0x4020940D, 4096
root, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)
made = 0


def content(n):
    if rnd.random() < 0.3:
        return rnd.randbytes(n)
    word = f"{rnd.random()} and the rest of the line\n".encode()
    return (word * (n // len(word) + 1))[:n]


def files():
    return [os.path.join(d, f) for d, _, names in os.walk(root) for f in sorted(names)
            if stat.S_ISREG(os.lstat(os.path.join(d, f)).st_mode)]


def directories():
    return [d for d, _, _ in os.walk(root)]


def new_name():
    global made
    made += 1
    return os.path.join(rnd.choice(sorted(directories())), f"n{seed}-{made}")


def pick():
    found = files()
    return rnd.choice(sorted(found)) if found else create()


def create():
    name = new_name()
    with open(name, "wb") as f:
        f.write(content(rnd.choice([0, 1, 1500, 4096, 100000, 131072, 500000, 2000000])))
    return name


def overwrite():
    with open(pick(), "r+b") as f:
        f.seek(rnd.randrange(max(1, os.fstat(f.fileno()).st_size)))
        f.write(content(rnd.choice([1, 100, 5000, 200000])))


def append():
    with open(pick(), "ab") as f:
        f.write(content(rnd.choice([1, 3000, 300000])))


def truncate():
    name = pick()
    os.truncate(name, rnd.randrange(os.path.getsize(name) + 1))


def grow():
    name = pick()
    os.truncate(name, os.path.getsize(name) + rnd.randrange(500000))


def punch():
    name = pick()
    size = max(1, os.path.getsize(name))
    at = rnd.randrange(size)
    subprocess.run(["fallocate", "-p", "-o", str(at), "-l", str(rnd.randrange(1, size + 1)), name],
                   check=True)


def reserve():
    name = pick()
    subprocess.run(["fallocate", "-o", str(rnd.randrange(1000000)), "-l", "200000", name], check=True)


def replace():
    name = pick()
    with open(name + ".tmp", "wb") as f:
        f.write(content(rnd.randrange(1, 300000)))
    os.rename(name + ".tmp", name)


def rename():
    os.rename(pick(), new_name())


def swap():
    a, b = pick(), pick()
    if a != b:
        os.rename(a, root + "/swap")
        os.rename(b, a)
        os.rename(root + "/swap", b)


def clone():
    """Blocks of one file into another: extents with an old generation at a new place."""
    a, b = pick(), pick()
    blocks = os.path.getsize(a) // BLOCK
    if a == b or not blocks:
        return
    first = rnd.randrange(blocks)
    n = rnd.randrange(1, blocks - first + 1)
    to = rnd.randrange(100) * BLOCK
    with open(a, "rb") as x, open(b, "r+b") as y:
        fcntl.ioctl(y, FICLONERANGE, struct.pack("<qQQQ", x.fileno(), first * BLOCK, n * BLOCK, to))


def remove():
    os.unlink(pick())


def directory():
    os.mkdir(new_name())


def remove_directory():
    below = sorted(d for d in directories() if d != root)
    if below:
        subprocess.run(["rm", "-rf", rnd.choice(below)], check=True)


def move_directory():
    below = sorted(d for d in directories() if d != root)
    if below:
        d = rnd.choice(below)
        os.rename(d, os.path.join(root, f"d{seed}-{rnd.random()}"))


def link():
    os.link(pick(), new_name())


def unlink_one():
    """One name of several: the others go on together."""
    name = pick()
    with open(name, "rb") as f:
        data = f.read()
    os.unlink(name)
    with open(name, "wb") as f:
        f.write(data[: len(data) // 2] + content(1000))


def symlink():
    os.symlink(rnd.choice(["..", "nowhere", "/"]), new_name())


def change_type():
    name = pick()
    os.unlink(name)
    rnd.choice([lambda: os.mkdir(name), lambda: os.symlink("x", name), lambda: os.mkfifo(name)])()


def mode():
    os.chmod(pick(), rnd.choice([0o600, 0o644, 0o755, 0o4755, 0o400]))


def flush():
    fd = os.open(root, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    subprocess.run(["sync", "-f", root], check=True)


ways = [create] * 10 + [overwrite] * 8 + [append] * 3 + [truncate] * 3 + [grow] * 2 + [punch] * 3 + [
    reserve, replace, replace, rename, rename, swap, swap, clone, clone, clone, remove, remove, directory,
    remove_directory, move_directory, link, unlink_one, symlink, change_type, mode, flush]
for _ in range(count):
    rnd.choice(ways)()
