"""The package on a machine that runs systemd: installed, started as its unit says, used by every way in, stopped, killed and
started again, removed. The machine is this one's file system under a layer in memory, with a systemd of its own as process 1
in namespaces and a control group of its own; it has no network but its own. Where none can be started: skipped, saying why."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402

SYSTEMD = "/lib/systemd/systemd"
SERVER = HERE.parent / "e2e" / "plain_server.py"

# Arguments: the folder to work in, the control group's controller. In namespaces of its own.
BOOT = r"""
set -eu
folder=$1 controller=$2 root=$1/root
mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
for name in run tmp dev; do mount -t tmpfs tmpfs "$root/$name"; done
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
for name in null zero full random urandom tty; do : >"$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
mknod -m 666 "$root/dev/net/tun" c 10 200 # as udev leaves it
: >"$root/dev/console"; mount --bind "$3/console" "$root/dev/console"
mkdir "$root/package"; mount --bind "$3" "$root/package"
rm -rf "$root"/etc/systemd/system/*.wants "$root/var/lib/wobble" "$root/etc/default/wobbled"
chroot "$root" dpkg -i /package/wobble.deb >/dev/null
cat >"$root/etc/systemd/system/check.target" <<'END'
[Unit]
Requires=check.service
END
cat >"$root/etc/systemd/system/check.service" <<'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /package/check.sh
ExecStopPost=/bin/systemctl exit
StandardOutput=append:/package/said
StandardError=append:/package/said
END
if [ "$controller" = unified ]; then mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
exec chroot "$root" env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=check.target \
  --log-target=console --show-status=0
"""

CHECK = r"""
say() { printf '\n== %s\n' "$*"; }
until_true() { n=0; until "$@" >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 100 ] || { echo "FAILED: $*"; return 1; }; sleep 0.1; done; }
running() { wobble status; }
state() { systemctl show wobbled -P "$1"; }
there() { sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(conf\.(all|lo|e0|default)|ip_)' | grep -Ev 'stable_secret|random'; ip rule; ip -6 rule
  ip -br link; nft list ruleset; }
connect() { "$@" curl -sS -m 5 -o /dev/null -w 'connected after %{time_connect} s\n' "$url"; }

mount --make-rshared / # as process 1 does where it is on a machine of its own
ip link set lo up
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.addr_gen_mode=1
python3 /package/plain_server.py 8000 &
say enabled
systemctl enable --now wobbled 2>&1 | grep -v 'Created symlink'
until_true running
state ActiveState
pid=$(state MainPID)
grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/$pid/status
stat -c '%U %a %n' /var/lib/wobble/wobble.db
curl -sS http://127.0.0.1:7979/healthz; echo
say lab
url=http://10.77.1.1/ connect wobble exec lab near --

ip netns add other
ip link add e0 type veth peer name e0 netns other
ip addr add 10.88.1.1/24 dev e0; ip link set e0 up
ip -n other addr add 10.88.1.2/24 dev e0; ip -n other link set e0 up; ip -n other link set lo up
url=http://10.88.1.1:8000/
there >/package/before
for target in netns:other "pid:$(ip netns exec other sh -c 'sleep 60 >/dev/null & echo $!')"; do
  say attach
  wobble attach $target --name it --both 'delay 50ms' && connect ip netns exec other && wobble detach it
done
say host
wobble attach host --name it --both 'delay 50ms' && connect ip netns exec other && wobble detach it
say loopback
wobble attach localhost:8000 --name it --both 'delay 50ms' && url=http://127.0.0.1:8000/ connect && url=http://[::1]:8000/ connect && wobble detach it
say run
(connect wobble run --both 'delay 50ms' --)
say 'run without privileges beside it'
wobble run --quiet -- setpriv --reuid 65534 --regid 65534 --clear-groups id -u
say put back
there >/package/after
cmp /package/before /package/after && echo the same

say killed
wobble attach host --port 8000 --name it
systemctl kill -s KILL wobbled
changed() { [ "$(state MainPID)" != "$pid" ] && running; }
until_true changed
state ActiveState
there >/package/after
cmp /package/before /package/after && echo the same
say stopped
systemctl stop wobbled
state ActiveState; state Result; state ExecMainStatus
there | grep -c wob
say removed
systemctl start wobbled; until_true running
dpkg -r wobble >/dev/null
systemctl is-active wobbled
systemctl is-enabled wobbled 2>&1 | tail -n 1
ls /usr/bin/wobbled 2>&1
say end
"""


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=harness.PREFIX + "-service-", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, folder)
        package = folder / "package"
        package.mkdir()
        subprocess.run(["cpack", "--config", f"{harness.BUILD}/CPackConfig.cmake", "-B", folder / "deb"], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)
        next((folder / "deb").glob("*.deb")).rename(package / "wobble.deb")
        (package / "check.sh").write_text(CHECK)
        shutil.copy(SERVER, package)
        for name in ("console", "said"):
            (package / name).touch()
        cls.said = cls.boot(folder, package)
        print(cls.said)

    @classmethod
    def boot(cls, folder, package):
        """What check.sh has said."""
        v1 = pathlib.Path("/sys/fs/cgroup/systemd")
        controller = "systemd" if v1.exists() else "unified"
        group = (v1 if v1.exists() else pathlib.Path("/sys/fs/cgroup")) / harness.PREFIX
        try:
            group.mkdir()
        except OSError as error:
            harness_skip(f"no control group can be made: {error}")
        cls.addClassCleanup(remove_group, group)
        mounted = folder / "machine"
        mounted.mkdir()
        script = f'echo 0 >{group}/cgroup.procs && exec unshare --cgroup --mount --pid --fork --net --ipc --uts --kill-child ' \
                 'sh -c "$0" sh "$@"'
        machine = subprocess.Popen(
            harness.with_us("unshare", "--mount", "--propagation", "private", "sh", "-c", script, BOOT, mounted, controller,
                            package), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said, _ = machine.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            machine.send_signal(signal.SIGKILL)  # and with --kill-child all of it
            said, _ = machine.communicate()
        told = (package / "said").read_text()
        if not told:
            harness_skip(f"no systemd can be started here: {said[-500:]} {(package / 'console').read_text()[-500:]}")
        return told

    def part(self, title):
        found = re.findall(rf"^== {re.escape(title)}\n(.*?)(?=^== |\Z)", self.said, re.MULTILINE | re.DOTALL)
        self.assertTrue(found, f"no '{title}' in:\n{self.said}")
        return found

    def check_connected(self, text, least=0.1):
        times = [float(seconds) for seconds in re.findall(r"connected after ([\d.]+) s", text)]
        self.assertTrue(times, text)
        self.assertGreaterEqual(min(times), least)
        self.assertLess(min(times), least + 0.5)

    def test_it_is_not_root_and_has_what_it_needs(self):
        (text,) = self.part("enabled")
        self.assertTrue(text.startswith("active\n"), text)
        self.assertNotRegex(text, r"Uid:\t0\t")
        self.assertIn("CapEff:\t0000008000283400\n", text)
        self.assertIn("NoNewPrivs:\t1\nSeccomp:\t2\n", text)
        self.assertRegex(text, r"wobbled 640 /var/lib/wobble/wobble.db")
        self.assertIn('"status":"ok"', text)

    def test_it_serves_its_lab(self):
        self.check_connected(self.part("lab")[0], 0)

    def test_it_is_attached(self):
        self.assertEqual(2, len(self.part("attach")))
        for text in (*self.part("attach"), *self.part("host"), *self.part("loopback")):
            self.check_connected(text)
            self.assertIn("it is detached", text)

    def test_it_runs_a_command(self):
        self.check_connected(self.part("run")[0])
        self.assertIn("65534", self.part("run without privileges beside it")[0])

    def test_all_is_put_back(self):
        self.assertIn("the same", self.part("put back")[0])

    def test_killed_it_starts_again_and_puts_back(self):
        self.assertRegex(self.part("killed")[0], r"(?s)active\nthe same\n")

    def test_it_stops(self):
        self.assertEqual("inactive\nsuccess\n0\n0\n", self.part("stopped")[0].strip("\n") + "\n")

    def test_it_is_removed(self):
        (text,) = self.part("removed")
        self.assertIn("inactive", text)
        self.assertIn("cannot access '/usr/bin/wobbled'", text)


def remove_group(group):
    for folder in sorted(group.glob("**/"), reverse=True):
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except FileNotFoundError:
                break
            except OSError:
                harness.time.sleep(0.05)


def harness_skip(why):
    print(f"skipped: {why}", flush=True)
    sys.exit(harness.SKIPPED)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    if not os.path.exists(SYSTEMD):
        harness_skip("systemd is not installed (./dev setup)")
    harness.main("cpack", "curl", "unshare", "nft", "setpriv", "dpkg")
