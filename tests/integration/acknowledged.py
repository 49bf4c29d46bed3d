# SPDX-License-Identifier: GPL-2.0-or-later
"""acknowledged.py FILE MIRROR < what extent-poke said: is each range that was acknowledged as durable
in FILE as it is in MIRROR? Prints how many they are; status 1 at the first that is not."""
import sys

with open(sys.argv[1], "rb") as real, open(sys.argv[2], "rb") as mirror:
    count = 0
    for line in sys.stdin:
        words = line.split()
        if len(words) != 4 or words[0] != "write" or words[2] != "durable":
            continue
        offset, length = map(int, words[1].split("+"))
        real.seek(offset)
        mirror.seek(offset)
        if real.read(length) != mirror.read(length):
            print(f"acknowledged, and not there: {length} bytes at {offset} of {sys.argv[1]}")
            sys.exit(1)
        count += 1
print(count)
