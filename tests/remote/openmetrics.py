# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a file OpenMetrics text 1.0, as far as gauges and counters go? openmetrics.py FILE [NAME...]: and has it
these families, each with samples? Without a complaint: status 0. --self-test: do faults get one?"""
import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)( \S+)?")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|[+-]Inf")


def labels(text):
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m[1] in found or (m[3] == "," and m.end() == len(text)):
            raise ValueError("labels: " + text)
        found[m[1]] = m[2]
        at = m.end()
    return tuple(sorted(found.items()))


def check(text):
    """The families, with their samples; ValueError for what is not allowed."""
    if not text.endswith("# EOF\n") or text.count("# EOF") != 1:
        raise ValueError("the end")
    families, current = {}, None
    for line in text[: -len("# EOF\n")].splitlines():
        if line.startswith("# "):
            _, word, name, value = line.split(" ", 3)
            if word not in ("TYPE", "UNIT", "HELP") or not re.fullmatch(NAME, name):
                raise ValueError(line)
            if name != current:
                if name in families:
                    raise ValueError(f"{name} in two places")
                families[name] = {"samples": {}}
                current = name
            family = families[name]
            if word in family or family["samples"]:
                raise ValueError(f"{word} of {name} twice, or behind a sample")
            if word == "TYPE" and value not in ("gauge", "counter"):
                raise ValueError(line)
            if word == "UNIT" and not name.endswith("_" + value):
                raise ValueError(f"{name} does not end in its unit")
            if word == "HELP" and re.search(r'\\[^\\n"]', value):
                raise ValueError(line)
            family[word] = value
            continue
        m = SAMPLE.fullmatch(line)
        if not m or not NUMBER.fullmatch(m[3]) or current is None:
            raise ValueError(line)
        family = families[current]
        if m[1] != current + ("_total" if family.get("TYPE") == "counter" else ""):
            raise ValueError(f"{m[1]} below {current}")
        key = labels(m[2] or "")
        if key in family["samples"]:
            raise ValueError(f"twice: {line}")
        if family.get("TYPE") == "counter" and not float(m[3]) >= 0:
            raise ValueError(line)
        family["samples"][key] = float(m[3])
    return families


GOOD = '# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes Help.\na_bytes{t="x\\"y"} 1\na_bytes{t="z"} NaN\n# EOF\n'
BAD = [
    ("# EOF\n", ""), ("a_bytes{t=\"z\"} NaN\n", "\n"), (" NaN", " x"), (' NaN', ''), ('t="z"', 't="x\\"y"'), ('t="z"', 't=z'),
    ('t="z"', 't="z",'), ('t="z"', 't="z\\q"'), ("# UNIT a_bytes bytes", "# UNIT a_bytes seconds"), ("gauge", "gouge"),
    ("# HELP a_bytes", "# HELP b_bytes"), ('a_bytes{t="z"}', 'b_bytes{t="z"}'), ("gauge", "counter"),
    ("# EOF\n", "# TYPE a_bytes gauge\n# EOF\n"), ("# EOF\n", "# EOF\n# EOF\n"),
]


def self_test():
    assert len(check(GOOD)["a_bytes"]["samples"]) == 2
    for old, new in BAD:
        assert old in GOOD
        try:
            check(GOOD.replace(old, new, 1))
        except ValueError:
            continue
        sys.exit(f"not noticed: {old!r} -> {new!r}")


if sys.argv[1] == "--self-test":
    self_test()
else:
    with open(sys.argv[1], encoding="utf-8") as f:
        found = check(f.read())
    for wanted in sys.argv[2:]:
        samples = found["extentd_replicate_" + wanted]["samples"]
        assert samples and not all(math.isnan(v) for v in samples.values()), wanted
