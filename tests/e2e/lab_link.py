"""What the drivers of connections ask of the link between them (tcp_kinds.Batch.link): to lose exactly these packets,
to be slow for a while, to let later packets overtake."""


class LabLink:
    """The lab's link under `conditions`, the same both ways; whatever is asked of it, they come back afterwards."""

    def __init__(self, lab, conditions):
        self.lab, self.conditions = lab, conditions

    def wait(self, condition, what, seconds=10):
        self.lab.wait(what, condition, seconds)

    def arrived(self, direction):
        return self.lab.arrived(direction)

    def taken(self, direction):
        return self.lab.stats()[direction]["total"]["dropped"]["outage"]

    def settle(self):
        self.lab.wait_empty()

    def lose(self, direction, count):
        return _Outage(self, direction, count)

    def slowly_down(self, delay):
        return _Delayed(self, "down", delay)

    def overtaking(self, direction):
        return _Delayed(self, direction, {"time": "200ms", "reorder": True})

    def let_overtake(self, direction, count):
        """When `count` slow packets have arrived within overtaking(), what comes from now on is faster."""
        self.wait(lambda: self.lab.stats()[direction]["since_change"]["packets_in"] >= count, f"{count} slow packets")
        self.delay(direction, {"time": "20ms", "reorder": True})

    def delay(self, direction, delay):
        self.lab.patch({direction: {"delay": None}})  # an object would be merged with the one in force
        self.lab.patch({direction: {"delay": delay}})


class _Outage:
    """On within the block, and after it until it has taken `count` packets."""

    def __init__(self, link, direction, count):
        self.link, self.direction, self.count = link, direction, count

    def __enter__(self):
        self.before = self.link.taken(self.direction)
        self.link.lab.patch({self.direction: {"outage": True}})

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.link.wait(lambda: self.link.taken(self.direction) >= self.before + self.count,
                               f"{self.count} packets lost {self.direction}")
        finally:
            self.link.lab.patch({self.direction: {"outage": False}})


class _Delayed:
    """Another delay within the block."""

    def __init__(self, link, direction, delay):
        self.link, self.direction, self.delay = link, direction, delay

    def __enter__(self):
        self.link.delay(self.direction, self.delay)

    def __exit__(self, *_):
        self.link.delay(self.direction, self.link.conditions["delay"])
