"""./dev bench: what wobble costs, as ratios.

Absolute times on a shared machine are noise, so every figure is taken in turns (A B A B ...) in one run, and what counts
is the ratio of the medians. Prints a table, and the same as JSON with --json FILE.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

from paths import BUILD, KernelPath, WobblePath


def iperf(path, seconds, congestion):
    """One TCP stream from client to server: Gbit/s received, and the forwarder's CPU seconds per GB."""
    server = subprocess.Popen([*path.server, "iperf3", "-s", "-1", "-p", "5301"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.3)  # iperf3 says nothing when it listens
        before = path.forwarder_cpu()
        run = subprocess.run([*path.client, "iperf3", "-c", path.server_address, "-p", "5301", "-t", str(seconds), "-C",
                              congestion, "-J"], capture_output=True, text=True, timeout=seconds + 30)
        result = json.loads(run.stdout)
        if "error" in result:
            raise RuntimeError(f"{path.name}: iperf3: {result['error']}")
        received = result["end"]["sum_received"]
        cpu = None if before is None else (path.forwarder_cpu() - before) / (received["bytes"] / 1e9)
        return received["bits_per_second"] / 1e9, cpu
    finally:
        server.terminate()
        server.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--congestion", default="cubic")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--no-micro", action="store_true", help="leave out the micro-benchmarks")
    options = parser.parse_args()

    paths = [KernelPath(), WobblePath("wobble"),
             WobblePath("wobble, 20 ms each way", {"up": {"delay": "20ms"}, "down": {"delay": "20ms"}})]
    figures = {path.name: {"gbps": [], "cpu": []} for path in paths}
    for number in range(options.rounds):
        for path in paths:
            with path:
                gbps, cpu = iperf(path, options.seconds, options.congestion)
            figures[path.name]["gbps"].append(gbps)
            figures[path.name]["cpu"].append(cpu)
            print(f"round {number + 1}: {path.name}: {gbps:.2f} Gbit/s", file=sys.stderr)

    kernel = statistics.median(figures["kernel"]["gbps"])
    rows = []
    for path in paths:
        gbps = statistics.median(figures[path.name]["gbps"])
        cpu = None if None in figures[path.name]["cpu"] else statistics.median(figures[path.name]["cpu"])
        rows.append({"path": path.name, "gbps": gbps, "of_kernel": gbps / kernel, "forwarder_cpu_seconds_per_gb": cpu})
    print(f"\none TCP stream ({options.congestion}), medians of {options.rounds} rounds in turns")
    print(f"{'path':<26}{'Gbit/s':>9}{'of the kernel':>15}{'forwarder s/GB':>16}")
    for row in rows:
        cpu = "–" if row["forwarder_cpu_seconds_per_gb"] is None else f"{row['forwarder_cpu_seconds_per_gb']:.2f}"
        print(f"{row['path']:<26}{row['gbps']:>9.2f}{row['of_kernel']:>15.2f}{cpu:>16}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"tcp": rows, "figures": figures}, file, indent=2)
    if not options.no_micro:
        print()
        subprocess.run([BUILD / "tests/emulator/emulator_bench"], check=True)


if __name__ == "__main__":
    main()
