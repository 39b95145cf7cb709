"""A connection as the daemon tells it, to be compared with what others know of it."""

import calendar
import time


def seconds_of(text):
    """An RFC 3339 time with nanoseconds, as seconds since the epoch."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


class Recorded:
    """One connection's transitions and segments. Its sides are the test's: if both ends have opened (simultaneous
    open), the daemon takes whoever's SYN came first for the client, `is_swapped` if that was the test's server."""

    def __init__(self, lab, row, is_swapped=False):
        self.lab, self.row = lab, row
        self.transitions = lab.transitions(row["id"])
        self.opener = "server" if is_swapped else "client"
        if is_swapped:
            other = {"client": "server", "server": "client"}
            self.transitions = [t | {"side": other[t["side"]]} for t in self.transitions]

    def history(self, side):
        """The states of one endpoint. A correction takes back what it corrects. TIME_WAIT's end by the clock is not
        compared: the kernel keeps that time by itself, and so do we."""
        states = []
        for t in self.transitions:
            if t["side"] != side or (t["evidence"] == "timer" and t["from"] == "TIME_WAIT"):
                continue
            if t["evidence"] == "correction" and states:
                states.pop()
                if states and states[-1] == t["to"]:
                    continue
            states.append(t["to"])
        return states

    def broken_chain(self):
        """Where a transition does not begin in the state the one before it led to, or goes back in time."""
        last, at = {"client": "LISTEN", "server": "LISTEN"}, {"client": "", "server": ""}
        last[self.opener] = "CLOSED"
        for t in self.transitions:
            if t["from"] != last[t["side"]] or t["at"] < at[t["side"]]:
                return f"{t['side']} {last[t['side']]}, then {t['from']} -> {t['to']} at {t['at']}"
            last[t["side"]], at[t["side"]] = t["to"], t["at"]
        return None

    def text(self):
        """What happened, for whoever has to find out why."""
        lines = [f"{t['at'][17:26]} {t['side']} {t['from']} > {t['to']}, {t['evidence']}, row {t['row']}"
                 for t in self.transitions]
        lines += [f"{s['sent_at'][17:26]} {s['from']} sends {s['flags']} {s['seq']} {s['ack']} +{s['length']}, "
                  f"{s['fate']}, delivered {(s['delivered_at'] or '-' * 26)[17:26]}" for s in self.segments()]
        return "\n".join("    " + line for line in sorted(lines))

    def first_fin_acknowledges_a_fin(self, side):
        """By the segments themselves, not by what the tracker made of them."""
        fins = {}
        for s in sorted(self.segments(), key=lambda s: s["sent_at"]):
            if "FIN" in s["flags"]:
                fins.setdefault(s["from"], s)
        peer = fins.get("server" if side == "client" else "client")
        return side in fins and peer is not None and (
            fins[side]["ack"] == (peer["seq"] + peer["length"] + 1) % 2**32)

    def segments(self):
        return self.lab.api.get(f"/api/v1/connections/{self.row['id']}/segments")["items"]
