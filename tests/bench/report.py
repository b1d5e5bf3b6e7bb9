#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the bench's guest said, as results.json, data for the charts and tables.

usage: report.py LOG FOLDER [--recorded FILE [--record]]

Exits with 1 if a case's counts spread too far, or, with --recorded, if a row of
iomd's is more than 3 % above what was recorded; gains are told, too. --record writes
that file anew.
"""
import json
import os
import re
import sys

PAGE = 4096
HUGE = 2 << 20
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MOST_SPREAD = 0.02
MOST_LOSS = 0.03
WHO = ["floor", "by_hand", "page_entry", "io_uring", "udmabuf", "vfio", "iomd"]

# What run and undo of a case are called.
STEPS = {
    "pin_out": ("prepare OUT", "complete OUT"),
    "pin_in": ("prepare IN", "complete IN"),
    "life_out": ("one page's life OUT", None),
    "life_in": ("one page's life IN", None),
    "create": ("object made and freed", None),
    "walk": ("next segment, iterator", None),
    "sequence": ("next segment, query", None),
    "random": ("segment at random", None),
    "nested": ("segment of a sub of a multi of 64", None),
    "copy": ("read bytes", "write bytes"),
    "kernel_map": ("kernel map + unmap", None),
    "user_map": ("user map + unmap", None),
    "user_fault": ("user fault", ""),
    "dma_map": ("DMA map + unmap", None),
    "ready": ("prepare + DMA map", "DMA unmap + complete"),
}


def parse(path):
    """One dict for each result line."""
    results = []
    pattern = re.compile(r"bench: result (\S+) (\S+) (\S+) (\d+) (.*)")
    with open(path, errors="replace") as log:
        for line in log:
            match = pattern.search(line)
            if not match:
                continue
            case, who, kind, size, rest = match.groups()
            values = dict(pair.split("=") for pair in rest.split())
            result = {"case": case, "who": who, "kind": kind, "size": int(size),
                      "pages": -(-int(size) // PAGE)}
            for name in ("run", "undo"):
                result[name] = sorted(int(n) for n in values.pop(name).split(","))
            result.update((name, int(value)) for name, value in values.items())
            results.append(result)
    return results


def median(counts):
    return counts[len(counts) // 2]


def spread(counts):
    # What is next to nothing may differ by an instruction or two.
    return (counts[-1] - counts[0]) / median(counts) if counts[-1] - counts[0] > 4 else 0


class Results:
    def __init__(self, results):
        self.all = results
        self.by_key = {(r["case"], r["who"], r["kind"], r["size"]): r for r in results}

    def get(self, case, who, kind, size):
        return self.by_key.get((case, who, kind, size))

    def cost(self, case, who, kind, size, part):
        """Instructions a unit, of the part or of both parts; None if not measured."""
        result = self.get(case, who, kind, size)
        if not result:
            return None
        parts = ("run", "undo") if part == "both" else (part,)
        return sum(median(result[p]) for p in parts) / result["units"]


def size_name(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} B"


def number(value):
    return "" if value is None else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def print_table(results):
    print(f"{'step':34} {'memory':9} {'size':>9} {'segments':>8}" +
          "".join(f"{who:>11}" for who in WHO) + f"{'/floor':>8}{'/best':>7}{'spread':>8}")
    keys = dict.fromkeys((r["case"], r["kind"], r["size"]) for r in results.all)
    for case in STEPS:
        names = STEPS[case]
        parts = [("both", names[0])] if names[1] is None else [("run", names[0]),
                                                               ("undo", names[1])]
        for part, name in parts:
            for key in keys:
                if key[0] == case and name:
                    print_row(results, name, key, part)


def print_row(results, name, key, part):
    case, kind, size = key
    costs = {who: results.cost(case, who, kind, size, part) for who in WHO}
    rows = [results.get(case, who, kind, size) for who in WHO]
    ours = costs["iomd"]
    peers = [costs[w] for w in WHO if w not in ("floor", "iomd") and costs[w] is not None]
    worst = max(spread(r[p]) for r in rows if r
                for p in (("run", "undo") if part == "both" else (part,)))
    # A page an entry has as many as there are pages.
    segments = min((r["segments"] for r in rows if r and r["segments"]), default=0)

    def ratio(other):
        return f"{ours / other:.2f}" if ours is not None and other else ""
    print(f"{name:34} {kind:9} {size_name(size):>9} {segments or '':>8}" +
          "".join(f"{number(costs[w]):>11}" for w in WHO) +
          f"{ratio(costs['floor']):>8}{ratio(min(peers, default=None)):>7}{worst:8.2%}")


def goals(results):
    """Yield (what, value, limit): met if the value is not above the limit."""
    cost, get = results.cost, results.get

    def ours(case, kind, size, part):
        return cost(case, "iomd", kind, size, part)

    def ratio(case, kind, size, part, peer="floor"):
        mine, other = ours(case, kind, size, part), cost(case, peer, kind, size, part)
        return mine / other if mine is not None and other else None

    def field(case, kind, size, name, divide=1):
        result = get(case, "iomd", kind, size)
        return result[name] / divide if result else None

    big = 128 * MIB
    for kind, what, limits in (("runs", "0.3 segments a page", (280, 285)),
                               ("shuffled", "every page its own", (295, 300))):
        for case, limit in zip(("pin_out", "pin_in"), limits):
            yield f"{STEPS[case][0]}, 4 KiB pages, {what}", ours(case, kind, big, "run"), limit
    for case, limit in (("pin_out", 85), ("pin_in", 95)):
        for kind, what in (("natural", "natural order"), ("runs", "0.3 segments a page")):
            yield f"{STEPS[case][1]}, 4 KiB pages, {what}", ours(case, kind, big, "undo"), limit
    for kind in ("thp", "hugetlb"):
        for case in ("pin_out", "pin_in"):
            yield f"{STEPS[case][0]}, 2 MiB folios, {kind}", ours(case, kind, big, "run"), 16
            yield f"{STEPS[case][1]}, 2 MiB folios, {kind}", ours(case, kind, big, "undo"), 0.5
    for case in ("life_out", "life_in"):
        yield (f"{STEPS[case][0]}, against by hand",
               ratio(case, "natural", PAGE, "both", "by_hand"), 1)
    yield "allocations of one page's life", field("life_in", "natural", PAGE, "allocations"), 2
    mine, floor = (cost("walk", who, "shuffled", big, "both") for who in ("iomd", "floor"))
    # The loop takes the address and the length: that is dearer than the bare 18.
    yield "next segment: iterator, above for_each_sgtable_sg", mine - floor if mine else None, 5
    yield "next segment: query in sequence", ours("sequence", "shuffled", big, "both"), 54
    few, many = (ours("random", "repeated", n * PAGE, "both") for n in (1000, 1000000))
    yield "segment at random of 1,000,000", many, 150
    yield "the same against 1,000", many / few if many and few else None, 3
    yield "bytes kept a page, scattered", field("pin_in", "shuffled", big, "kept", big // PAGE), 34
    yield "bytes kept a folio of 2 MiB", field("pin_in", "thp", big, "kept", big // HUGE), 40
    for size in (big, GIB):
        yield (f"bytes held for the moment by prepare, {size_name(size)}",
               field("pin_in", "shuffled", size, "peak"), 8192)
    for part, what in (("run", "read"), ("undo", "write")):
        yield f"{what} bytes, 64 KiB, against memcpy", ratio("copy", "natural", 64 * KIB, part), 1.05
    for case, limit in (("kernel_map", 1.10), ("user_map", 1.10), ("dma_map", 1.05)):
        yield (f"{STEPS[case][0]}, 1 MiB, against the floor",
               ratio(case, "natural", MIB, "both"), limit)
    yield "DMA map + unmap, 1 MiB of a huge page", ratio("dma_map", "thp", MIB, "both"), 1.05
    yield "user fault, against the floor", ratio("user_fault", "natural", MIB, "run"), 1.2
    yield "segment of a sub of a multi of 64", ours("nested", "shuffled", MIB, "both"), 200
    for kind in ("natural", "shuffled"):
        costs = [ours("pin_in", kind, size, "run") for size in (GIB, MIB)]
        yield (f"growth: prepare a page at 1 GiB against 1 MiB, {kind}",
               costs[0] / costs[1] if None not in costs else None, 1.05)
    # The floor's is one batch of 512 pages, and the timer's own work.
    rows = [get("pin_in", who, "shuffled", GIB) for who in ("iomd", "floor")]
    yield ("interrupts off at a stretch, against one batch of 512 pages",
           rows[0]["blocked"] / rows[1]["blocked"] if all(rows) else None, 1.05)


def print_goals(results):
    met = missed = 0
    print(f"\n{'goal':60} {'limit':>8} {'iomd':>9}")
    for what, value, limit in goals(results):
        if value is None:
            continue
        good = value <= limit * (1 + 1e-9)
        met, missed = met + good, missed + (not good)
        print(f"{what:60} {limit:8} {value:9.2f}  {'met' if good else 'MISSED'}")
    print(f"{met} goals met, {missed} missed")


def write_chart(folder, name, rows):
    """A column for each who that has a value in any row, '-' where there is none."""
    rows = [(label, costs) for label, costs in rows if any(c is not None for c in costs)]
    shown = [i for i in range(len(WHO)) if any(costs[i] is not None for _, costs in rows)]
    with open(os.path.join(folder, name + ".dat"), "w") as out:
        out.write("\t".join(["row"] + [WHO[i] for i in shown]) + "\n")
        for label, costs in rows:
            out.write("\t".join([label] + ["-" if costs[i] is None else f"{costs[i]:.2f}"
                                           for i in shown]) + "\n")


def write_charts(results, folder):
    def costs(case, kind, size, part):
        return [results.cost(case, who, kind, size, part) for who in WHO]

    def against_floor(*key):
        values = costs(*key)
        return [v / values[0] if v is not None and values[0] else None for v in values]

    kinds = ("natural", "runs", "shuffled", "memfd", "thp", "hugetlb")
    sizes = sorted({r["size"] for r in results.all if r["case"] == "pin_in"})
    big = min(128 * MIB, sizes[-1])
    for name, case, part in (("prepare", "pin_in", "run"), ("complete", "pin_in", "undo"),
                             ("ready", "ready", "both")):
        write_chart(folder, name, [(kind, costs(case, kind, big, part)) for kind in kinds])
    write_chart(folder, "steps", [
        (label, against_floor(*key)) for label, *key in (
            ("one page's life", "life_in", "natural", PAGE, "both"),
            ("read 64 KiB", "copy", "natural", 64 * KIB, "run"),
            ("kernel map 1 MiB", "kernel_map", "natural", MIB, "both"),
            ("user map 1 MiB", "user_map", "natural", MIB, "both"),
            ("user fault", "user_fault", "natural", MIB, "run"),
            ("DMA map 1 MiB", "dma_map", "natural", MIB, "both"))])
    write_chart(folder, "queries", [
        (label, costs(case, kind, size, "both")) for label, case, kind, size in (
            ("iterator", "walk", "shuffled", big),
            ("in sequence", "sequence", "shuffled", big),
            ("random of 1000", "random", "repeated", 1000 * PAGE),
            ("random of 1000000", "random", "repeated", 1000000 * PAGE),
            ("sub of a multi of 64", "nested", "shuffled", MIB))])
    write_chart(folder, "growth", [(str(size), costs("pin_in", "shuffled", size, "run"))
                                   for size in sizes])


def too_wide(results):
    for r in results.all:
        for part in ("run", "undo"):
            if spread(r[part]) > MOST_SPREAD:
                yield (f"{r['case']} {part} of {r['who']}, {r['kind']} {size_name(r['size'])}: "
                       f"spread {spread(r[part]):.1%}: {r[part]}")


def rows_of(results):
    """What is recorded: iomd's figures, and the floor's to tell another kernel by; each
    with the number of segments, which is up to the page allocator."""
    segments = {}
    for r in results.all:
        key = (r["case"], r["kind"], r["size"])
        # A page an entry has as many as there are pages.
        if r["segments"] and r["who"] != "page_entry":
            segments[key] = r["segments"]
    return {" ".join((r["case"], r["kind"], str(r["size"]), r["who"], part)):
            [median(r[part]), segments.get((r["case"], r["kind"], r["size"]), 1)]
            for r in results.all if r["who"] in ("iomd", "floor") for part in ("run", "undo")
            if r["kind"] != "memfd" and (r["case"] != "random" or r["size"] <= 1000 * PAGE)}


def compare(results, recorded):
    """Yield (is it a loss?, what) for each row of iomd's that is not as recorded."""
    rows = rows_of(results)
    for row, (before, segments) in recorded.items():
        if " iomd " not in row:
            continue
        if row not in rows:
            yield True, f"{row}: recorded, but not measured"
            continue
        now = rows[row][0]
        # Another kernel's own calls may have become dearer.
        floor = row.replace(" iomd ", " floor ")
        scale = rows[floor][0] / recorded[floor][0] if floor in rows and \
            recorded.get(floor, [0])[0] else 1
        # More segments may cost more, but not more each.
        scale = max(scale, rows[row][1] / segments)
        text = f"{row}: {now} instructions, {before} recorded ({now / before - 1:+.1%})"
        if now > before * max(scale, 1) * (1 + MOST_LOSS) + 2:
            yield True, text
        elif now < before * min(scale, 1) * (1 - MOST_LOSS) - 2:
            yield False, text


def main(log, folder, recorded=None, record=False):
    results = Results(parse(log))
    if not results.all:
        sys.exit(f"error: no results in {log}")
    with open(os.path.join(folder, "results.json"), "w") as out:
        json.dump(results.all, out, indent=1)
    write_charts(results, folder)
    print_table(results)
    print_goals(results)
    problems = [f"not repeatable: {text}" for text in too_wide(results)]
    if record:
        with open(recorded, "w") as out:
            json.dump(rows_of(results), out, indent=0, sort_keys=True)
            out.write("\n")
    elif recorded:
        with open(recorded) as file:
            for loss, text in compare(results, json.load(file)):
                if loss:
                    problems.append(f"slower: {text}")
                else:
                    print(f"faster: {text}")
    for text in problems:
        print(text)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    options = {}
    if "--record" in arguments:
        arguments.remove("--record")
        options["record"] = True
    if "--recorded" in arguments:
        at = arguments.index("--recorded")
        options["recorded"] = arguments[at + 1]
        del arguments[at:at + 2]
    main(*arguments, **options)
