"""Two namespaces joined by a veth pair, without wobble between them: the tests' own parts are tried on it."""

import os
import subprocess

import harness


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class PlainLink:
    """near and far as a Lab has them, on addresses of their own. The namespaces are named; leaving removes them."""

    def __enter__(self):
        self.names = {side: f"{harness.PREFIX}-{side}" for side in ("near", "far")}
        devices = {"near": ("10.78.0.1", "fd78::1"), "far": ("10.78.1.1", "fd78::1:1")}
        try:
            for name in self.names.values():
                _ip("netns", "add", name)
            _ip("link", "add", "near", "netns", self.names["near"], "type", "veth", "peer", "name", "far", "netns",
                self.names["far"])
            for side, (v4, v6) in devices.items():
                name = self.names[side]
                _ip("-n", name, "link", "set", "lo", "up")
                _ip("-n", name, "link", "set", side, "up")
                _ip("-n", name, "address", "add", v4 + "/16", "dev", side)
                _ip("-n", name, "address", "add", v6 + "/64", "dev", side, "nodad")
        except BaseException:
            self.__exit__()
            raise
        self.near = harness.Namespace(f"/run/netns/{self.names['near']}", devices["near"], "near")
        self.far = harness.Namespace(f"/run/netns/{self.names['far']}", devices["far"], "far")
        return self

    def __exit__(self, *_):
        for name in self.names.values():
            if os.path.exists(f"/run/netns/{name}"):
                _ip("netns", "delete", name)

    def lose(self, *_):
        raise NotImplementedError("a veth pair loses nothing on purpose")

    # A veth pair has nothing to wait for.

    def arrived(self, _direction):
        return 0

    def wait(self, _what, _condition):
        pass

    def wait_empty(self):
        pass
