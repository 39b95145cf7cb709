"""./dev bench: every goal of performance, as one table.

Absolute figures on a shared machine are noise, so what is compared is taken in turns (A B A B ...) in one run, and what
counts is the ratio of the medians. Rows without a goal are there to be seen. Needs root and a release build.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time

import analyze
import live
from paths import BUILD


def micro(row, o):
    """What a segment costs in virtual time, by Google Benchmark."""
    words = [BUILD / "tests/emulator/emulator_bench", "--benchmark_format=json", f"--benchmark_repetitions={o.rounds}",
             "--benchmark_report_aggregates_only=true", "--benchmark_enable_random_interleaving=true",
             f"--benchmark_min_time={0.1 if o.quick else 0.3}"]
    results = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)["benchmarks"]
    nanoseconds = {r["run_name"]: r["cpu_time"] for r in results if r["aggregate_name"] == "median"}
    few, many = nanoseconds["whole_path/20000"], nanoseconds["whole_path/1000000"]
    row("a segment, everything on, 20,000 in flight, ns", few, "<=", 250, "virtual time")
    row("and with 1,000,000 in flight, times that", many / few, "<=", 2.5, f"{many:.0f} ns")
    for name, ns in nanoseconds.items():
        if not name.startswith("whole_path"):
            row(f"{name}, ns", ns, None, None, "")
    return nanoseconds


def memory(row, o):
    count = 100_000 if o.quick else 1_000_000
    lines = subprocess.run([BUILD / "tests/bench/bench_memory", str(count)], capture_output=True, text=True, check=True).stdout
    figures = {name: int(size) for name, size in (line.split() for line in lines.splitlines())}
    worst = max(figures, key=figures.get)
    row("a full segment in flight, bytes", figures[worst], "<=", 2200, f"{worst}; " + ", ".join(
        f"{name} {size}" for name, size in figures.items() if name != worst))
    return figures


def journal(row, o):
    """Connections a second logged whole, ten rows each, against what bare SQLite inserts on the same disk."""
    words = [BUILD / "tests/daemon/journal_bench", "20000" if o.quick else "100000"]
    outputs = [subprocess.run(words, capture_output=True, text=True, check=True).stdout for _ in range(o.rounds)]
    figure = lambda pattern: [float(re.search(pattern, output)[1]) for output in outputs]
    ratio, rate, lost = figure(r"ratio: ([0-9.]+)"), figure(r"journal: (\d+) connections/s"), figure(r"lost (\d+)")
    row("connections logged whole, of the disk's own insert rate", 0 if any(lost) else statistics.median(ratio), ">=", 0.5,
        f"{statistics.median(rate):.0f} connections/s, {max(lost):.0f} transitions lost")
    return {"ratio": ratio, "connections_per_second": rate, "lost": lost}


def questions(row, o):
    """The slowest filter of the list of connections, when none passes it."""
    slowest = {}
    for count, goal in ((300_000, 200),) if o.quick else ((300_000, 200), (1_000_000, 1000)):
        output = subprocess.run([BUILD / "tests/daemon/question_bench", str(count)], capture_output=True, text=True,
                                check=True).stdout
        took = {name: float(ms) for name, ms in re.findall(r"question (\w+): ([0-9.]+) ms", output)}
        worst = max(took, key=took.get)
        row(f"a question to a log of {count:,} connections, ms", took[worst], "<=", goal,
            f"{worst}; " + re.search(r"migration: (.*)", output)[1])
        slowest[count] = took
    return slowest


PARTS = {"tcp": live.tcp, "attach": live.attach, "bbr": live.bbr, "crowd": live.crowd, "udp": live.udp, "micro": micro, "memory": memory,
         "lateness": live.lateness, "delay": live.added_delay, "journal": journal,
         "questions": questions, "analyze": analyze.analyze}


def verdict(value, how, goal):
    if how is None or value is None:
        return ""
    return "PASS" if (value >= goal if how == ">=" else value <= goal) else "MISS"


def print_table(rows):
    width = max(len(row["what"]) for row in rows)
    print(f"\n{'':<{width}}  {'goal':>9}  {'measured':>9}")
    for row in rows:
        goal = "" if row["goal"] is None else f"{row['how'].replace('>=', '≥').replace('<=', '≤')} {row['goal']:.4g}"
        value = "–" if row["measured"] is None else f"{row['measured']:.3g}" if row["measured"] < 1000 else f"{row['measured']:.0f}"
        print(f"{row['what']:<{width}}  {goal:>9}  {value:>9}  {row['verdict']:<4}  {row['detail']}".rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works")
    parser.add_argument("--only", metavar="NAME", action="append", choices=PARTS, help=", ".join(PARTS))
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2
    rows, figures, began = [], {}, time.monotonic()

    def row(what, measured, how, goal, detail):
        rows.append({"what": what, "measured": measured, "how": how, "goal": goal, "verdict": verdict(measured, how, goal),
                     "detail": detail})

    for name in options.only or PARTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures[name] = PARTS[name](row, options)
    print_table(rows)
    missed = sum(row["verdict"] == "MISS" for row in rows)
    print(f"\n{missed} missed; medians of {options.rounds} rounds in turns; {time.monotonic() - began:.0f} s")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rows": rows, "figures": figures}, file, indent=2)


if __name__ == "__main__":
    main()
