# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run of the tests came to.

summary.py LOG.json...		for people on stdout, and "passed failed skipped" on descriptor 3; what a
				later log says of a test counts
summary.py --late LOG.json	the tests that ran out of time, a line each
"""
import json
import os
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}


def tests_of(path):
    """A run that was cut short may end in half a line."""
    for line in open(path, encoding="utf-8", errors="replace"):
        try:
            test = json.loads(line)
        except ValueError:
            continue
        # "project:suite / name", where the test has a suite
        test["name"] = test["name"].rsplit(" / ", 1)[-1]
        yield test


def show(test, kind):
    said = ((test.get("stdout") or "") + "\n" + (test.get("stderr") or "")).strip().splitlines()
    if kind == "skipped":
        reason = re.findall(r"skipped: (.*)", "\n".join(said)) or said
        print(f"  skipped: {test['name']}: {reason[-1] if reason else 'it did not say why'}")
    elif kind == "failed":
        print(f"  FAILED: {test['name']} ({test['result']}, {test['duration']:.1f} s)")
        print("\n".join("    " + s for s in said[-40:]))
    else:
        print(f"  ok: {test['name']} ({test['duration']:.1f} s)")


if sys.argv[1] == "--late":
    for test in tests_of(sys.argv[2]):
        if test["result"] == "TIMEOUT":
            print(test["name"])
    sys.exit()

results = {}
for path in sys.argv[1:]:
    for test in tests_of(path):
        results[test["name"]] = test
count = {"passed": 0, "failed": 0, "skipped": 0}
for test in results.values():
    result = test["result"]
    kind = "passed" if result in GOOD else "skipped" if result == "SKIP" else "failed"
    count[kind] += 1
    show(test, kind)
os.write(3, f"{count['passed']} {count['failed']} {count['skipped']}\n".encode())
