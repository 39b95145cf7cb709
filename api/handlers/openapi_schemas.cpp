#include "api/handlers/openapi_schemas.h"

#include "api/conditions/settings_schema.h"

namespace wobble::api {
namespace {

constexpr char kSchemas[] = R"json({
  "Any": {"type": "object"},
  "Nothing": {"type": "object", "maxProperties": 0},
  "Problem": {"type": "object", "properties": {
    "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
    "error": {"type": "string", "description": "all of it in one line"},
    "errors": {"type": "array", "items": {"type": "object", "properties": {
      "pointer": {"type": "string", "description": "RFC 6901, into the body that was sent"},
      "detail": {"type": "string"}}}}}},
  "Health": {"type": "object", "properties": {
    "ok": {"type": "boolean"}, "status": {"enum": ["ok", "failing"]}, "version": {"type": "string"},
    "detail": {"type": ["string", "null"]}}},
  "Root": {"type": "object", "properties": {
    "name": {"const": "wobble"}, "version": {"type": "string"}, "uptime": {"type": "string"},
    "instance": {"type": "string", "description": "of this start of the daemon; a stream of events begins with it"},
    "uptime_seconds": {"type": "number"}, "newest_event": {"type": "integer"}, "resources": {"type": "array", "items": {"type": "object", "properties": {
      "method": {"type": "string"}, "path": {"type": "string"}, "summary": {"type": "string"}}}}}},
  "Time": {"type": "string", "format": "date-time", "description": "UTC, nine fractional digits"},
  "Distribution": {"default": "uniform", "description": "of the jitter, which is its standard deviation (of uniform, the most). A table's values are 8192ths of it, as in iproute2's .dist files; a file is read by the daemon, and comes back as its name, how many values it has, and its SHA-256", "oneOf": [
    {"enum": ["uniform", "normal", "pareto", "paretonormal"]},
    {"type": "object", "additionalProperties": false, "properties": {"file": {"type": "string", "examples": ["/usr/lib/tc/experimental.dist"]},
      "values": {"type": "integer"}, "sha256": {"type": "string"},
      "table": {"type": "array", "items": {"type": "integer", "minimum": -32768, "maximum": 32767}, "minItems": 1, "maxItems": 16384}}}]},
  "Per": {"enum": ["link", "connection"], "default": "link", "description": "whose memory: the direction's, or each connection's own"},
  "Scenario": {"type": ["array", "null"], "maxItems": 1000, "description": "Steps that follow each other, over and over, from when they are set. A direction that a step does not name keeps the link's own conditions; else the step says all that it suffers", "items": {
    "type": "object", "required": ["for"], "additionalProperties": false, "properties": {
      "for": {"type": "string", "examples": ["14s"], "description": "1ms to 168h"},
      "up": {"$ref": "#/components/schemas/Direction"}, "down": {"$ref": "#/components/schemas/Direction"},
      "both": {"$ref": "#/components/schemas/Direction", "description": "in place of up and down"}}}},
  "Conditions": {"type": "object", "additionalProperties": true, "properties": {
    "up": {"$ref": "#/components/schemas/Direction"}, "down": {"$ref": "#/components/schemas/Direction"},
    "both": {"$ref": "#/components/schemas/Direction", "description": "in place of up and down"},
    "scenario": {"$ref": "#/components/schemas/Scenario"},
    "for": {"type": "string", "examples": ["10m"], "description": "then what these fields were before comes back, whatever is changed beside them"}}},
  "Settings": {"type": "object", "properties": {
    "impairments": {"type": "array", "items": {"$ref": "#/components/schemas/Setting"}}}},
  "Setting": {"type": "object", "x-optional": ["example", "alternative", "shorthand", "min", "max", "zero", "choices", "disciplines", "longest", "default", "settings"], "properties": {
    "name": {"type": "string"}, "help": {"type": "string"}, "example": {"type": "string"},
    "kind": {"type": "string", "description": "what a value is made of: time, percent, size, ..., count, flag, choice; object: of settings"},
    "min": {"type": "string"}, "max": {"type": "string"}, "zero": {"type": "string", "description": "what 0 stands for, beside the range"},
    "default": {"type": ["string", "integer", "boolean"]},
    "alternative": {"type": "string", "description": "settings of one object with different ones stand in place of each other"},
    "shorthand": {"type": "string", "description": "the setting that may be written in place of the whole object"},
    "choices": {"type": "array", "items": {"type": "string"}},
    "disciplines": {"type": "array", "items": {"type": "string"}, "description": "of the queue that it is a parameter of"},
    "longest": {"type": "integer"}, "settings": {"type": "array", "items": {"$ref": "#/components/schemas/Setting"}}}},
  "Side": {"type": "object", "properties": {"device": {"type": "string"}, "netns": {"type": "string"},
    "addresses": {"type": "array", "items": {"type": "string"}}}},
  "Link": {"type": "object", "x-optional": ["scenario"], "properties": {
    "name": {"type": "string"}, "revision": {"type": "integer", "description": "also the ETag"}, "seed": {"type": "integer"},
    "near": {"$ref": "#/components/schemas/Side"}, "far": {"$ref": "#/components/schemas/Side"},
    "up": {"$ref": "#/components/schemas/Direction"}, "down": {"$ref": "#/components/schemas/Direction"},
    "scenario": {"$ref": "#/components/schemas/Scenario"},
    "profile": {"type": ["string", "null"], "description": "the preset that asks for exactly these conditions"},
    "reverts_at": {"type": ["string", "null"], "format": "date-time", "description": "the first `at` of temporary"},
    "temporary": {"type": "array", "description": "what comes back by itself, in the order of time", "items": {"type": "object", "properties": {
      "pointer": {"type": "string", "examples": ["/up/delay"]}, "at": {"$ref": "#/components/schemas/Time"},
      "to": {"description": "what it is then; null: nothing is asked"}}}}, "way_in": {"$ref": "#/components/schemas/WayIn"}}},
  "Apply": {"type": "object", "required": ["profile"], "additionalProperties": false, "properties": {
    "profile": {"type": "string", "examples": ["3g"]},
    "for": {"type": "string", "examples": ["10m"], "description": "then what was before comes back"}}},
  "Revert": {"type": "object", "additionalProperties": false, "properties": {
    "to": {"type": ["integer", "null"], "minimum": 1, "description": "a revision; default: the one before the present. The last 100 are kept"}}},
  "Profile": {"type": "object", "x-optional": ["scenario"], "properties": {
    "name": {"type": "string"}, "summary": {"type": "string"}, "source": {"type": "string"},
    "up": {"$ref": "#/components/schemas/Direction"}, "down": {"$ref": "#/components/schemas/Direction"},
    "scenario": {"$ref": "#/components/schemas/Scenario"}}},
  "ProfileList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Profile"}}, "next": {"type": ["string", "null"]}}},
  "LinkList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}}, "next": {"type": ["string", "null"]}}},
  "Spread": {"type": "object", "description": "null: no packet yet", "properties": {
    "median": {"type": ["number", "null"]}, "p90": {"type": ["number", "null"]}, "p99": {"type": ["number", "null"]},
    "mean": {"type": ["number", "null"]}, "max": {"type": ["number", "null"]}}},
  "Counters": {"type": "object", "properties": {
    "packets_in": {"type": "integer"}, "bytes_in": {"type": "integer"}, "packets_out": {"type": "integer"},
    "bytes_out": {"type": "integer"}, "duplicated": {"type": "integer"}, "corrupted": {"type": "integer"},
    "reordered": {"type": "integer"},
    "bad_checksum": {"type": "integer", "description": "TCP segments and ICMP messages that came with a wrong checksum: forwarded as they are, and changing no state"},
    "originated": {"type": "integer", "description": "sent by the link itself: ICMP errors, resets, fragments"},
    "dropped": {"type": "object", "properties": {
      "total": {"type": "integer"}, "loss": {"type": "integer"}, "outage": {"type": "integer"},
      "queue": {"type": "integer"}, "memory": {"type": "integer"}, "malformed": {"type": "integer"},
      "device": {"type": "integer"}, "aqm": {"type": "integer"}, "mtu": {"type": "integer"}, "idle_timeout": {"type": "integer"}}},
    "marked": {"type": "integer", "description": "congestion experienced"},
    "loss_bursts": {"type": "integer", "description": "runs of packets lost (ecn: or marked) in a row by the model of loss"}}},
  "DirectionStats": {"type": "object", "properties": {
    "asked": {"$ref": "#/components/schemas/Direction"},
    "delivered": {"type": "object", "description": "of packets since the last change; shares of those that met the impairment, null if none did", "properties": {
      "delay_ms": {"$ref": "#/components/schemas/Spread"}, "lateness_ms": {"$ref": "#/components/schemas/Spread"},
      "loss_percent": {"type": ["number", "null"], "description": "dropped by the model of loss; what it marked instead (ecn) is in marked_percent"},
      "loss_burst_length": {"type": ["number", "null"], "description": "packets that the model of loss lost (ecn: or marked) in a row, mean"},
      "duplicate_percent": {"type": ["number", "null"]},
      "corrupt_percent": {"type": ["number", "null"]}, "reorder_percent": {"type": ["number", "null"]},
      "reordering": {"type": "object", "description": "RFC 4737, of what has left", "properties": {"percent": {"type": ["number", "null"]},
        "extent_mean": {"type": ["number", "null"], "description": "packets"}, "extent_max": {"type": ["integer", "null"]}}},
      "marked_percent": {"type": ["number", "null"], "description": "congestion experienced, by the queue or by loss with ecn, of what passed the queue"},
      "rate_in_bps": {"type": "number"}, "rate_out_bps": {"type": "number"}}},
    "in_flight": {"type": "object", "properties": {"packets": {"type": "integer"}, "bytes": {"type": "integer"}}},
    "since_change": {"$ref": "#/components/schemas/Counters"}, "total": {"$ref": "#/components/schemas/Counters"}}},
  "Stats": {"type": "object", "properties": {
    "link": {"type": "string"}, "at": {"$ref": "#/components/schemas/Time"},
    "changed_at": {"$ref": "#/components/schemas/Time"}, "connections": {"type": "integer"},
    "connections_by_state": {"type": "object", "additionalProperties": {"type": "integer"}},
    "events_lost": {"type": "integer"},
    "scenario": {"type": ["object", "null"], "description": "the step that is in force, and when it ends", "properties": {
      "step": {"type": "integer", "description": "from 1"}, "of": {"type": "integer"}, "until": {"$ref": "#/components/schemas/Time"}}},
    "up": {"$ref": "#/components/schemas/DirectionStats"}, "down": {"$ref": "#/components/schemas/DirectionStats"}}},
)json"
                            R"json(  "Endpoint": {"type": "object", "properties": {
    "address": {"type": "string"}, "port": {"type": "integer"}, "side": {"enum": ["near", "far"]},
    "state": {"type": "string", "description": "RFC 9293: SYN_SENT, ESTABLISHED, FIN_WAIT_1, ..."},
    "packets_sent": {"type": "integer"}, "bytes_sent": {"type": "integer"}, "packets_delivered": {"type": "integer"},
    "bytes_delivered": {"type": "integer"}, "payload_bytes": {"type": "integer"}, "retransmissions": {"type": "integer"},
    "retransmissions_by_us": {"type": "integer"}, "dropped": {"type": "integer"}, "duplicated": {"type": "integer"},
    "corrupted": {"type": "integer"}, "reordered": {"type": "integer"},
    "unique_payload_bytes": {"type": "integer"},
    "retransmitted": {"type": "object", "description": "adds up to retransmissions", "properties": {
      "due_to_us": {"type": "integer"}, "fast": {"type": "integer"}, "timeout": {"type": "integer"}, "spurious": {"type": "integer"},
      "lost_behind": {"type": "integer", "description": "of fast and timeout: delivered by us, and not acknowledged"},
      "lost_before": {"type": "integer", "description": "of fast and timeout: it had never passed here"}}},
    "out_of_order": {"type": "integer", "description": "before us"}, "out_of_order_by_us": {"type": "integer"},
    "gaps": {"type": "integer"}, "dup_acks": {"type": "integer"}, "keep_alives": {"type": "integer"},
    "zero_windows": {"type": "integer"}, "zero_window_ms": {"type": "number"}, "initial_window": {"type": "integer"},
    "max_window": {"type": "integer"}, "max_in_flight": {"type": "integer"},
    "offered": {"type": "object", "description": "in its SYN or SYN-ACK", "properties": {
      "mss": {"type": ["integer", "null"]}, "wscale": {"type": ["integer", "null"]}, "sack": {"type": "boolean"},
      "timestamps": {"type": "boolean"}, "tfo": {"enum": ["request", "cookie", null]}, "data_in_syn": {"type": "boolean"},
      "ecn": {"enum": ["ecn", "accecn", null]}, "mptcp": {"type": "boolean"}}}}},
  "Connection": {"type": "object", "x-optional": ["conditions", "more_conditions"], "properties": {
    "id": {"type": "integer"}, "link": {"type": "string"}, "protocol": {"type": "string"},
    "client": {"$ref": "#/components/schemas/Endpoint"}, "server": {"$ref": "#/components/schemas/Endpoint"},
    "opened_at": {"$ref": "#/components/schemas/Time"}, "closed_at": {"type": ["string", "null"], "format": "date-time"},
    "end": {"enum": ["open", "orderly", "orderly_reset", "reset", "refused", "syn_timeout", "idle_timeout", "half_open", "superseded", "evicted", "unreachable", "unknown"]},
    "closed_by": {"enum": ["client", "server", "both", null]}, "midstream": {"type": "boolean"}, "ordinal": {"type": "integer"},
    "handshake": {"type": "object", "properties": {"rtt_client_ms": {"type": ["number", "null"]},
      "rtt_server_ms": {"type": ["number", "null"]}, "initial_rtt_ms": {"type": ["number", "null"]},
      "net": {"type": "object", "description": "without the delay that wobble added", "properties": {
        "rtt_client_ms": {"type": ["number", "null"]}, "rtt_server_ms": {"type": ["number", "null"]},
        "initial_rtt_ms": {"type": ["number", "null"]}}}}},
    "last_packet_at": {"type": ["string", "null"], "format": "date-time"},
    "closed_first": {"enum": ["client", "server", "both", null], "description": "by what was sent, believed or not"},
    "syn": {"type": "boolean"}, "syn_ack": {"type": "boolean"},
    "closes": {"type": "array", "maxItems": 16, "description": "the first FIN of each side and every RST, in order", "items": {
      "type": "object", "properties": {"side": {"enum": ["client", "server"]}, "kind": {"enum": ["fin", "rst"]},
        "at": {"$ref": "#/components/schemas/Time"}, "delivered": {"type": "boolean"}}}},
    "closes_left_out": {"type": "integer", "description": "beyond the sixteenth"},
    "conn_state": {"description": "Zeek's; null: not TCP",
      "enum": ["S0", "S1", "S2", "S3", "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH", null]},
    "history": {"type": "string", "maxLength": 24, "description": "Zeek's letters; upper case is the client", "examples": ["ShADadFf"]},
    "one_sided": {"type": "boolean", "description": "only one endpoint was ever heard"},
    "effective": {"type": "object", "description": "offered by both", "properties": {
      "wscale": {"type": "boolean"}, "sack": {"type": "boolean"}, "timestamps": {"type": "boolean"},
      "tfo": {"type": "boolean"}, "ecn": {"enum": ["ecn", "accecn", null]}, "mptcp": {"type": "boolean"}}},
    "syn_retries": {"type": "integer"}, "synack_retries": {"type": "integer"}, "rst_implausible": {"type": "integer"},
    "challenge_acks": {"type": "integer"}, "invalid_flags": {"type": "integer"}, "bad_checksum": {"type": "integer"},
    "more_conditions": {"type": "string", "description": "of one connection whose conditions are too long for one answer: where they go on"},
    "conditions": {"type": "array", "description": "of one connection: what was in force while it lived, oldest first",
      "items": {"$ref": "#/components/schemas/ConditionsInForce"}}}},
  "ConditionsInForce": {"type": "object", "x-optional": ["scenario"], "properties": {
    "event": {"type": "integer"}, "at": {"$ref": "#/components/schemas/Time"}, "revision": {"type": "integer"},
    "source": {"type": "string"}, "up": {"$ref": "#/components/schemas/Direction"},
    "down": {"$ref": "#/components/schemas/Direction"}, "scenario": {"$ref": "#/components/schemas/Scenario"}}},
  "FlowEndpoint": {"type": "object", "properties": {
    "address": {"type": "string"}, "port": {"type": "integer", "description": "0: the protocol has none"}, "side": {"enum": ["near", "far"]},
    "packets_sent": {"type": "integer"}, "bytes_sent": {"type": "integer"}, "packets_delivered": {"type": "integer"},
    "bytes_delivered": {"type": "integer"}, "payload_bytes": {"type": "integer"}, "dropped": {"type": "integer", "description": "by us"},
    "duplicated": {"type": "integer"}, "corrupted": {"type": "integer"}, "reordered": {"type": "integer"},
    "out_of_order_by_us": {"type": "integer"}}},
  "Flow": {"type": "object", "properties": {
    "id": {"type": "integer"}, "link": {"type": "string"}, "protocol": {"type": "string", "description": "udp, icmp, icmpv6 or IANA's number"},
    "client": {"$ref": "#/components/schemas/FlowEndpoint"}, "server": {"$ref": "#/components/schemas/FlowEndpoint"},
    "first_packet_at": {"$ref": "#/components/schemas/Time"}, "last_packet_at": {"type": ["string", "null"], "format": "date-time"},
    "closed_at": {"type": ["string", "null"], "format": "date-time", "description": "60 s after its last packet; null: it lives"},
    "ordinal": {"type": "integer"}}},
  "FlowList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Flow"}}, "next": {"type": ["string", "null"]}}},
  "ConnectionList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Connection"}}, "next": {"type": ["string", "null"]}}},
  "Tcp": {"type": "object", "properties": {
    "flags": {"type": "string", "examples": ["SYN,ACK"]}, "seq": {"type": "integer"}, "ack": {"type": "integer"},
    "length": {"type": "integer"}, "window": {"type": "integer"},
    "fate": {"$ref": "#/components/schemas/Fate"}, "reason": {"$ref": "#/components/schemas/Reason"}}},
  "Fate": {"enum": ["forwarded", "delayed", "reordered", "duplicated", "corrupted", "dropped"]},
  "Reason": {"enum": ["loss", "outage", "queue", "memory", "malformed", "device", "aqm", "mtu", "idle_timeout", null]},
  "Transition": {"type": "object", "properties": {
    "id": {"type": "integer"}, "at": {"$ref": "#/components/schemas/Time"}, "connection": {"type": "integer"},
    "link": {"type": "string"}, "side": {"enum": ["client", "server"]}, "from": {"type": "string"}, "to": {"type": "string"},
    "evidence": {"enum": ["sent", "delivered", "timer", "correction", "implied"]},
    "row": {"type": "integer", "description": "of the transition table"},
    "rule": {"type": "string", "description": "that row's name", "examples": ["third_ack"]},
    "sentence": {"type": "string", "description": "what it says of the endpoint"},
    "segment": {"oneOf": [{"$ref": "#/components/schemas/Tcp"}, {"type": "null"}]}}},
  "TransitionList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Transition"}}, "next": {"type": ["string", "null"]}}},
  "Segment": {"type": "object", "properties": {
    "flags": {"type": "string"}, "seq": {"type": "integer"}, "ack": {"type": "integer"}, "length": {"type": "integer"},
    "window": {"type": "integer"}, "fate": {"$ref": "#/components/schemas/Fate"}, "reason": {"$ref": "#/components/schemas/Reason"},
    "id": {"type": "integer"}, "from": {"enum": ["client", "server"]}, "sent_at": {"$ref": "#/components/schemas/Time"},
    "delivered_at": {"type": ["string", "null"], "format": "date-time"}, "copy": {"type": "integer"},
    "retransmission": {"type": "boolean"}}},
  "SegmentList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Segment"}}, "next": {"type": ["string", "null"]}}},
  "Event": {"type": "object", "properties": {
    "id": {"type": "integer"}, "at": {"$ref": "#/components/schemas/Time"},
    "kind": {"enum": []},
    "link": {"type": ["string", "null"]}, "connection": {"type": ["integer", "null"]}, "text": {"type": "string"},
    "detail": {"type": ["object", "null"]},
    "transition": {"oneOf": [{"$ref": "#/components/schemas/Transition"}, {"type": "null"}]}}},
  "EventList": {"type": "object", "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}, "next": {"type": ["string", "null"]}}},
  "Session": {"type": "object", "required": ["token"], "additionalProperties": false, "properties": {
    "token": {"type": "string", "description": "WOBBLE_TOKEN of the daemon"}}},
  "Annotation": {"type": "object", "required": ["text"], "additionalProperties": false, "properties": {
    "text": {"type": "string", "maxLength": 1000}, "link": {"type": ["string", "null"]}}},
  "WayIn": {"type": "object", "x-optional": ["target", "interfaces", "ports", "addresses", "protocol", "fail", "follow", "port", "in", "out", "masquerade", "dns", "owner", "with", "beside", "packets"], "description": "how traffic reaches the link; with the members of what it was made from", "properties": {
    "kind": {"enum": ["lab", "attach", "loopback", "gateway", "run"]},
    "state": {"enum": ["up", "down", "waiting"], "description": "up: it was looked at, and carries; down: detail says why not"},
    "detail": {"type": "string"},
    "target": {"type": "string"}, "interfaces": {"type": "array", "items": {"type": "string"}},
    "ports": {"type": "array", "items": {"type": "integer"}}, "addresses": {"type": "array", "items": {"type": "string"}},
    "protocol": {"type": ["string", "null"]}, "fail": {"enum": ["open", "closed"]}, "follow": {"type": "boolean"},
    "port": {"type": "integer"}, "in": {"type": "string"}, "out": {"type": "string"}, "masquerade": {"type": "boolean"},
    "dns": {"type": "array", "items": {"type": "string"}}, "owner": {"type": ["integer", "null"]},
    "with": {"type": "array", "items": {"type": "integer"}}, "beside": {"type": "array", "items": {"type": "integer"}},
    "packets": {"type": "object", "description": "that came to the hooks of an attach, loopback or gateway", "properties": {
      "diverted": {"type": "integer", "description": "into the link"},
      "stayed": {"type": "integer", "description": "of those: nothing was to happen to them, so they stayed in the kernel, and the link saw their headers only"},
      "passed": {"type": "integer", "description": "not meant: they stayed in the kernel"},
      "silenced": {"type": "integer", "description": "met no daemon that ran: they passed, or with fail closed were dropped"},
      "overruns": {"type": "integer", "description": "diverted, and dropped by the kernel, since the link did not read them in time"}}}}},
  "NewLink": {"type": "object", "additionalProperties": false, "description": "exactly one of attach, loopback, gateway, run", "properties": {
    "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "description": "default: derived from the way in"},
    "attach": {"type": "object", "required": ["target"], "additionalProperties": false, "properties": {
      "target": {"type": "string", "examples": ["pid:17", "netns:blue", "host", "container:web"]},
      "interfaces": {"type": "array", "items": {"type": "string"}, "description": "default: all that are up and lead outside, at most 120"},
      "ports": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}, "description": "of either end"},
      "addresses": {"type": "array", "items": {"type": "string"}, "description": "of the other end", "examples": [["10.0.0.0/8"]]},
      "protocol": {"enum": ["tcp", "udp", "icmp"], "description": "default: every IP protocol; icmp is ICMPv6 too, without neighbour discovery"},
      "fail": {"enum": ["open", "closed"], "default": "open", "description": "what becomes of the traffic when the daemon is killed"},
      "follow": {"type": "boolean", "default": false, "description": "when the target is gone, wait and attach again"}}},
    "loopback": {"type": "object", "required": ["port"], "additionalProperties": false, "properties": {
      "port": {"type": "integer", "minimum": 1, "maximum": 65535}, "protocol": {"enum": ["tcp", "udp"], "default": "tcp"}}},
    "gateway": {"type": "object", "required": ["in", "out"], "additionalProperties": false, "properties": {
      "in": {"type": "string", "examples": ["eth0"]}, "out": {"type": "string", "examples": ["eth1"]},
      "masquerade": {"type": "boolean", "default": false}, "fail": {"enum": ["open", "closed"], "default": "open"}}},
    "run": {"type": "object", "additionalProperties": false, "description": "a namespace whose only way out is the link: its path is near.netns", "properties": {
      "dns": {"type": "array", "items": {"type": "string"}, "description": "name servers; default: this machine's"},
      "owner": {"type": ["integer", "null"], "minimum": 1, "maximum": 4194304, "description": "a process id: when it has ended and nothing runs in the namespace any more, the link is removed"},
      "with": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}, "description": "ports of this machine's loopback that are reached at 127.0.0.1 and ::1 in the namespace, through the link; TCP and UDP"},
      "beside": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}, "description": "the same beside the link, neither impaired nor logged; TCP"}}},
    "up": {"$ref": "#/components/schemas/Direction"}, "down": {"$ref": "#/components/schemas/Direction"},
    "both": {"$ref": "#/components/schemas/Direction", "description": "in place of up and down"},
    "scenario": {"$ref": "#/components/schemas/Scenario"},
    "netem": {"type": "string", "description": "netem's words in place of both"},
    "seed": {"type": "integer"}, "for": {"type": "string", "description": "then the link is clean"}}}
})json";

}  // namespace

nlohmann::json openapi_schemas() {
  nlohmann::json schemas = nlohmann::json::parse(kSchemas);
  schemas["Direction"] = direction_schema();
  return schemas;
}

}  // namespace wobble::api
