"""Many links, one after another and at once: they cost what they cost and no more.

WOBBLE_CYCLES, WOBBLE_LINKS: how many (30 and 12; `./dev soak` does 1,000 and 100)."""

import os
import statistics
import time

import harness
import ways
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


class OneHook(zoo.AtHome):
    """More links at one interface than the kernel takes tcx links there: 63."""
    hook = "auto"
    command = Many.command
    most = 63

    def attach_to_port(self, app, port):
        return {"attach": {"target": f"netns:{app.name}", "ports": [port]}, "both": {"delay": "50ms"}}

    def test_what_tcx_does_not_take_cls_bpf_does(self):
        """The 64th was refused with "Numerical result out of range"."""
        app, _, server = self.street()
        ports = range(1000, 1000 + self.most + 3)
        details = [self.daemon.create(name=f"zoo{port}", **self.attach_to_port(app, port))["way_in"]["detail"] for port in ports]
        by_tcx = self.most if zoo.is_tcx_there() else 0
        self.assertEqual(["at eth0, by tcx"] * by_tcx + ["at eth0, by cls_bpf"] * (len(ports) - by_tcx), details)
        probes = []
        for port in (ports[0], ports[self.most - 1], ports[self.most], ports[-1]):
            server.listen(port)
            probes += [zoo.Tcp(app, "10.2.0.2", port), zoo.Tcp(app, "fd02::2", port)]
        found = zoo.Results(probes, 3)
        self.assertEqual({"answer to 10.1.0.2", "answer to fd01::2"}, {what for seen in found.values() for what in seen})
        self.check_times(probes, found)
        self.daemon.delete(f"zoo{ports[-1]}")
        self.assertLess(zoo.Results(probes[-1:], 1).median(probes[-1]), zoo.ONE_WAY)
        self.check_times(probes[:-2], zoo.Results(probes[:-2], 3))
        self.assertEqual(0, self.daemon.stop(seconds=60))
        self.assertEqual(["eth0", "lo"], devices(app))
        self.assertNotIn("clsact", app.run("tc", "qdisc", "show", "dev", "eth0").stdout)

    def test_where_tcx_is_asked_for_the_bound_is_named(self):
        if not zoo.is_tcx_there():
            self.skipTest("tcx came with Linux 6.6")
        app, _, _ = self.street()
        with ways.Daemon("--hook", "tcx", command=self.command) as daemon:
            for port in range(1000, 1000 + self.most):
                daemon.create(name=f"zoo{port}", **self.attach_to_port(app, port))
            said = daemon.refuse(503, **self.attach_to_port(app, 80))
            self.assertRegex(said, f"no more than {self.most} programs at a tcx hook, and eth0 has them: .*--hook auto")
            self.assertEqual(self.most, len(daemon.api.get("/api/v1/links")["items"]))


class ManyInterfaces(zoo.AtHome):
    """One link serves at most 120 of them."""
    hook = "auto"
    command = Many.command

    def way_in(self):
        return self.daemon.api.get("/api/v1/links/zoo")["way_in"]

    def test_more_than_a_link_serves(self):
        app, _, _ = self.street()
        app.ip(*(line for n in range(60) for line in (f"link add a{n} type veth peer name b{n}", f"link set a{n} up",
                                                      f"link set b{n} up")))  # and eth0
        told = self.daemon.refuse(422, attach={"target": f"netns:{app.name}"})
        self.assertEqual("/attach/interfaces: 121 interfaces lead outside there, and a link serves at most 120: name those that "
                         "are meant (--interface)", told)
        self.assertEqual(122, len(devices(app)), "and lo: nothing was made")
        app.ip("link set b59 down")
        self.attach(app)
        self.delay()
        probes = [zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2")]
        self.check_times(probes, zoo.Results(probes, 3))
        app.ip("link set b59 up")
        ways.wait("the state to tell of it", lambda: self.way_in()["state"] == "down")
        self.assertEqual("not served: b59 (a link serves at most 120 interfaces; name those that are meant (--interface)); the "
                         "others are", self.way_in()["detail"])
        self.check_times(probes, zoo.Results(probes, 3))
        app.ip("link set a0 down")  # one less: there is room
        ways.wait("the state to tell of it", lambda: self.way_in()["state"] == "up")
        self.assertRegex(self.way_in()["detail"], r"\bb59\b")


class ManyByCls(Many):
    hook = "cls"


if __name__ == "__main__":
    zoo.main("tc")
