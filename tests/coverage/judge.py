#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Hold what gcovr counted against the goals and the known exceptions.

usage: judge.py TOP COVERAGE.json UNREACHED.txt [--lines PERCENT] [--branches PERCENT]

UNREACHED.txt names each line of src/ that no suite reaches, and says why:

    src/room/file.c: function: the line's text
            the reason, on lines of its own that are indented

A reason that begins with "by chance:" allows the line to be reached as well; any
other entry whose line is reached, or is there no more, is stale and an error.
Prints a table of rooms and what does not hold; the last line is the sum.
"""
import argparse
import collections
import json
import pathlib
import re
import sys


def functions(text):
    """The function that each line (from 1) is part of; '' outside."""
    name, inside, found = "", False, [""]
    for line in text.splitlines():
        if line.startswith("{"):
            inside = True
        elif not inside and not line.startswith(("\t", " ", "}", "/", "#")):
            # The name is what the first parenthesis of the head follows.
            match = re.search(r"(\w+)\(", line)
            name = match[1] if match else name
        found.append(name if inside else "")
        if line.startswith("}"):
            inside, name = False, ""
    return found


def read_exceptions(path):
    """{(file, function, text): reason}"""
    found, key = {}, None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            key = None
        elif line[0].isspace():
            if key is None:
                sys.exit(f"{path}:{number}: a reason without a line")
            found[key] = (found[key] + " " + line.strip()).strip()
        else:
            parts = line.split(": ", 2)
            if len(parts) != 3:
                sys.exit(f"{path}:{number}: not 'FILE: FUNCTION: TEXT'")
            key = tuple(part.strip() for part in parts)
            found[key] = ""
    return found


class Tally:
    def __init__(self):
        self.lines = self.reached = self.branches = self.taken = 0

    def add(self, line):
        self.lines += 1
        self.reached += line["count"] > 0
        self.branches += len(line["branches"])
        self.taken += sum(branch["count"] > 0 for branch in line["branches"])

    def __str__(self):
        return (f"lines {self.reached}/{self.lines} = {percent(self.reached, self.lines):.1f} %, "
                f"branches {self.taken}/{self.branches} = "
                f"{percent(self.taken, self.branches):.1f} %")


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("top", type=pathlib.Path)
    parser.add_argument("counted", type=pathlib.Path)
    parser.add_argument("unreached", type=pathlib.Path)
    parser.add_argument("--lines", type=float, default=95)
    parser.add_argument("--branches", type=float, default=85)
    options = parser.parse_args()

    exceptions = read_exceptions(options.unreached)
    rooms = collections.defaultdict(Tally)
    whole, problems, needed = Tally(), [], set()
    for file in json.loads(options.counted.read_text())["files"]:
        text = (options.top / file["file"]).read_text()
        owner, rows = functions(text), text.splitlines()
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            whole.add(line)
            rooms[str(pathlib.Path(file["file"]).parent)].add(line)
            number = line["line_number"]
            key = file["file"], owner[number], rows[number - 1].strip()
            if line["count"]:
                continue
            needed.add(key)
            if key not in exceptions:
                problems.append(f"{key[0]}:{number}: {key[1]}: {key[2]}: not reached, no reason given")

    for key, reason in exceptions.items():
        where = f"{options.unreached.name}: {': '.join(key)}"
        if not reason:
            problems.append(f"{where}: no reason")
        elif key not in needed and not reason.startswith("by chance:"):
            problems.append(f"{where}: is reached, or is no line any more")
    if not whole.lines:
        problems.append("nothing was counted")
    if percent(whole.reached, whole.lines) < options.lines:
        problems.append(f"fewer lines than {options.lines} %")
    if percent(whole.taken, whole.branches) < options.branches:
        problems.append(f"fewer branches than {options.branches} %")

    for room in sorted(rooms):
        print(f"{room:16} {rooms[room]}")
    for problem in problems:
        print(f"error: {problem}")
    print(f"coverage of src/: {whole}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
