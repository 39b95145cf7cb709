"""Many links, one after another and at once: they cost what they cost and no more.

WOBBLE_CYCLES, WOBBLE_LINKS: how many (30 and 12; `./dev soak` does 1,000 and 100)."""

import os
import statistics
import time

import harness
import zoo

CYCLES = int(os.environ.get("WOBBLE_CYCLES", "30"))
LINKS = int(os.environ.get("WOBBLE_LINKS", "12"))


def devices(host):
    return sorted(line.split(": ")[1].split("@")[0] for line in host.run("ip", "-o", "link").stdout.splitlines())


class Many(zoo.AtHome):
    command = ["prlimit", "--nofile=128:20000", harness.DAEMON]  # fewer than the links need, as 1024 is for 100 of them

    def cost(self):
        """Threads, descriptors, and megabytes of the daemon."""
        pid = self.daemon.process.pid
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
        return len(os.listdir(f"/proc/{pid}/task")), len(os.listdir(f"/proc/{pid}/fd")), resident

    def test_attached_and_detached_again_and_again(self):
        app, _, _ = self.street()
        costs, times = [], []
        for _ in range(CYCLES):
            began = time.monotonic()
            self.daemon.create(name="zoo", attach={"target": f"netns:{app.name}"})
            self.daemon.delete("zoo")
            times.append(time.monotonic() - began)
            costs.append(self.cost())
        settled, last = costs[len(costs) // 3], costs[-1]
        print(f"{self.hook}: {CYCLES} times, {1e3 * statistics.median(times):.0f} ms each: {costs[0]}, {settled}, {last}")
        # One more may be open for a moment, such as the file of a query: the least of many cycles is what stays.
        early, late = ([min(cost[n] for cost in part) for n in (0, 1)] for part in (costs[:CYCLES // 3], costs[-(CYCLES // 3):]))
        self.assertEqual(early, late, "threads and descriptors")
        # The log grows, and of what it has written the journal keeps up to 16 MB at hand.
        self.assertLess(last[2], settled[2] + 4 + 0.002 * CYCLES)
        self.assertEqual(["eth0", "lo"], devices(app))

    def test_many_at_once(self):
        hosts = [self.host(f"app{n}") for n in range(LINKS)]
        server = self.host("server")
        server.listen()
        probes = []
        for number, host in enumerate(hosts):
            zoo.cable(host, "eth0", server, f"e{number}", 100 + number)
            probes.append(zoo.Tcp(host, f"10.{100 + number}.0.1"))
        before = self.cost()
        for number, host in enumerate(hosts):
            self.daemon.create(name=f"zoo{number}", attach={"target": f"netns:{host.name}"}, both={"delay": "50ms"})
        full = self.cost()
        found = zoo.Results(probes, 1)
        self.check_times(probes, found)
        began = time.monotonic()
        self.assertEqual(0, self.daemon.stop())
        took = time.monotonic() - began
        print(f"{self.hook}: {LINKS} links: {before}, {full}; ended in {took:.2f} s")
        self.assertLess(took, 5)
        for host in hosts:
            self.assertEqual(["eth0", "lo"], devices(host))
        self.assertLess(zoo.Results(probes[:1], 1).median(probes[0]), zoo.ONE_WAY)


class ManyByCls(Many):
    hook = "cls"


if __name__ == "__main__":
    zoo.main()
