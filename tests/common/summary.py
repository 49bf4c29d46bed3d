# SPDX-License-Identifier: GPL-2.0-or-later
"""summary.py TESTLOG.json: for people on stdout, and "passed failed skipped" on descriptor 3."""
import json
import os
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}

count = {"passed": 0, "failed": 0, "skipped": 0}
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    test = json.loads(line)
    result = test["result"]
    kind = "passed" if result in GOOD else "skipped" if result == "SKIP" else "failed"
    count[kind] += 1
    output = test.get("stdout", "") or ""
    if kind == "skipped":
        reason = re.findall(r"skipped: (.*)", output) or output.strip().splitlines()
        print(f"  skipped: {test['name']}: {reason[-1] if reason else 'it did not say why'}")
    elif kind == "failed":
        print(f"  FAILED: {test['name']} ({result}, {test['duration']:.1f} s)")
        said = (output + "\n" + (test.get("stderr", "") or "")).strip().splitlines()
        print("\n".join("    " + s for s in said[-40:]))
    else:
        print(f"  ok: {test['name']} ({test['duration']:.1f} s)")
os.write(3, f"{count['passed']} {count['failed']} {count['skipped']}\n".encode())
