#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Is each promise guarded by something that exists?

usage: guarantees.py SOURCE-ROOT BUILD-ROOT

Every row of the tables of docs/GUARANTEES.md that have a column "guarded by" must name, in
backticks, at least one test of `meson test --list`; and whatever it names must be a test, a
workload of the power cuts, or a word of ./dev.
"""
import json
import os
import re
import sys

source, build = sys.argv[1:3]
with open(os.path.join(build, "meson-info", "intro-tests.json")) as f:
    tests = {test["name"] for test in json.load(f)}
workloads = {
    name[: -len(".sh")]
    for name in os.listdir(os.path.join(source, "tests", "powercut", "workloads"))
}
with open(os.path.join(source, "dev")) as f:
    words = set(re.findall(r"^\t+(\./dev \w+)", f.read(), re.M))

faults, rows = [], 0
guarding = False
with open(os.path.join(source, "docs", "GUARANTEES.md")) as f:
    for number, line in enumerate(f, 1):
        if not line.startswith("|"):
            guarding = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[-1] == "guarded by":
            guarding = True
            continue
        if not guarding or set(line) <= set("|- \n"):
            continue
        rows += 1
        names = re.findall(r"`([^`]+)`", cells[-1])
        if not tests.intersection(names):
            faults.append(f"line {number}: no test guards \"{cells[0][:60]}\"")
        for name in names:
            word = " ".join(name.split()[:2])
            if name not in tests | workloads and word not in words:
                faults.append(f"line {number}: there is no `{name}`")

if rows < 20 or not words:
    faults.append(f"only {rows} rows and {len(words)} words of ./dev: the tables have changed their form")
print("\n".join(faults) or f"{rows} promises, each with a test")
sys.exit(bool(faults))
