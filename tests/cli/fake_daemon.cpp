#include "tests/cli/fake_daemon.h"

#include <chrono>

namespace wobble::test {

const char* const kLink = R"({"name":"lab","revision":3,"seed":42,
  "near":{"device":"near","netns":"/proc/1/fd/no-such","addresses":["10.77.0.1","fd77::1"]},
  "far":{"device":"far","netns":"","addresses":["10.77.1.1","fd77::1:1"]},
  "up":{"delay":{"time":"80ms","jitter":"10ms"},"loss":{"random":"2%"}},"down":{},"reverts_at":null})";

const char* const kStats = R"({"link":"lab","at":"2026-11-22T09:05:57.000000000Z",
  "changed_at":"2026-11-22T09:00:00.000000000Z","connections":12,
  "connections_by_state":{"ESTABLISHED":3,"TIME_WAIT":9},"events_lost":0,
  "up":{"asked":{"delay":{"time":"80ms","jitter":"10ms"},"loss":{"random":"2%"}},
    "delivered":{"delay_ms":{"median":80.1,"p99":89.7,"mean":80.0,"max":90.2},
      "lateness_ms":{"median":0.02,"p99":0.1,"mean":0.03,"max":0.4},"loss_percent":1.98,"loss_burst_length":1.5,"duplicate_percent":0,
      "corrupt_percent":0,"reorder_percent":0,"rate_in_bps":1200000,"rate_out_bps":1176000},
    "in_flight":{"packets":3,"bytes":4500},
    "since_change":{},
    "total":{"packets_in":10000,"bytes_in":1500000,"packets_out":9799,"bytes_out":1469850,
      "dropped":{"total":198,"loss":197,"outage":0,"queue":1,"memory":0,"malformed":0,"device":0},
      "duplicated":0,"corrupted":0,"reordered":0}},
  "down":{"asked":{},
    "delivered":{"delay_ms":{"median":0.01,"p99":0.05,"mean":0.01,"max":0.2},
      "lateness_ms":{"median":0.01,"p99":0.05,"mean":0.01,"max":0.2},"loss_percent":0,"duplicate_percent":0,
      "corrupt_percent":0,"reorder_percent":0,"rate_in_bps":0,"rate_out_bps":0},
    "in_flight":{"packets":0,"bytes":0},"since_change":{},
    "total":{"packets_in":9000,"bytes_in":9000000,"packets_out":9000,"bytes_out":9000000,
      "dropped":{"total":0,"loss":0,"outage":0,"queue":0,"memory":0,"malformed":0,"device":0},
      "duplicated":0,"corrupted":0,"reordered":0}}})";

const char* const kConnection = R"({"id":17,"link":"lab","protocol":"tcp",
  "client":{"address":"10.77.0.1","port":40112,"side":"near","state":"TIME_WAIT","packets_sent":7,"bytes_sent":500,
    "packets_delivered":7,"bytes_delivered":500,"payload_bytes":76,"retransmissions":1,"retransmissions_by_us":0,
    "dropped":0,"duplicated":0,"corrupted":0,"reordered":0},
  "server":{"address":"10.77.1.1","port":80,"side":"far","state":"CLOSED","packets_sent":6,"bytes_sent":900,
    "packets_delivered":5,"bytes_delivered":860,"payload_bytes":300,"retransmissions":1,"retransmissions_by_us":1,
    "dropped":1,"duplicated":0,"corrupted":0,"reordered":0},
  "opened_at":"2026-11-22T09:05:57.000000000Z","closed_at":"2026-11-22T09:05:58.240000000Z",
  "end":"orderly","closed_by":"client","midstream":false,"ordinal":1,
  "handshake":{"rtt_client_ms":0.2,"rtt_server_ms":80.3,"initial_rtt_ms":1080.4}})";

const char* const kTransitions = R"({"items":[
  {"id":501,"at":"2026-11-22T09:05:57.000000000Z","connection":17,"link":"lab","side":"client","from":"CLOSED",
   "to":"SYN_SENT","evidence":"sent","row":1,"rule":"syn","sentence":"SYN: it opens",
   "segment":{"flags":"SYN","seq":1000,"ack":0,"length":0,"window":64240,"fate":"delayed","reason":null}},
  {"id":502,"at":"2026-11-22T09:05:57.080100000Z","connection":17,"link":"lab","side":"server","from":"LISTEN",
   "to":"SYN_RECEIVED","evidence":"sent","row":11,"rule":"syn_ack","sentence":"SYN-ACK: it answers the SYN",
   "segment":{"flags":"SYN,ACK","seq":5000,"ack":1001,"length":0,"window":65160,"fate":"dropped","reason":"loss"}}],
  "next":null})";

const char* const kSegments = R"({"items":[
  {"id":9,"from":"client","sent_at":"2026-11-22T09:05:57.000000000Z","delivered_at":"2026-11-22T09:05:57.080000000Z",
   "flags":"SYN","seq":1000,"ack":0,"length":0,"window":64240,"fate":"delayed","reason":null,"copy":0,
   "retransmission":false},
  {"id":10,"from":"server","sent_at":"2026-11-22T09:05:57.080100000Z","delivered_at":null,
   "flags":"SYN,ACK","seq":5000,"ack":1001,"length":0,"window":65160,"fate":"dropped","reason":"loss","copy":0,
   "retransmission":false}],
  "next":null})";

namespace {

const char* const kProblem404 =
    R"({"title":"Not found","status":404,"detail":"there is no such thing","errors":[],"error":"there is no such thing"})";

std::string list(const std::string& item) { return "{\"items\":[" + item + "],\"next\":null}"; }

std::string listed(const httplib::Request& request, std::uint64_t newest) {
  const std::uint64_t since = request.has_param("since") ? std::stoull(request.get_param_value("since")) : 0;
  const std::uint64_t limit = std::stoull(request.get_param_value("limit"));
  const std::string kind = request.get_param_value("kind");
  std::string items;
  std::uint64_t shown = 0;
  for (std::uint64_t id = since + 1; id <= newest && shown < limit; ++id) {
    const std::string own_kind = id % 100 == 0 ? "annotation" : "transition";
    if (!kind.empty() && kind != own_kind) continue;
    items +=
        (items.empty() ? "" : ",") + std::string(R"({"kind":")") + own_kind + R"(","id":)" + std::to_string(id) + "}";
    ++shown;
  }
  return list(items);
}

}  // namespace

FakeDaemon::FakeDaemon() {
  const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
    serve(request, response);
  };
  server_.Get(".*", handler);
  server_.Post(".*", handler);
  server_.Patch(".*", handler);
  server_.Delete(".*", handler);
  answer("GET /api/v1", {200, R"({"version":"0.1.0","uptime_seconds":192.5,"resources":[]})"});
  answer("GET /healthz", {200, R"({"ok":true,"detail":""})"});
  answer("GET /api/v1/links", {200, list(kLink)});
  answer("GET /api/v1/links/lab", {200, kLink});
  answer("GET /api/v1/links/lab/stats", {200, kStats});
  answer("PATCH /api/v1/links/lab", {200, kLink});
  answer("POST /api/v1/links/lab/reset", {200, kLink});
  answer("POST /api/v1/reset", {200, list(kLink)});
  answer("GET /api/v1/connections", {200, list(kConnection)});
  answer("GET /api/v1/connections/17", {200, kConnection});
  answer("GET /api/v1/connections/17/transitions", {200, kTransitions});
  answer("GET /api/v1/connections/17/segments", {200, kSegments});
  port_ = server_.bind_to_any_port("127.0.0.1");
  thread_ = std::thread([this] { server_.listen_after_bind(); });
  while (!server_.is_running()) std::this_thread::yield();
}

FakeDaemon::~FakeDaemon() {
  {
    const LockGuard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_all();
  server_.stop();
  thread_.join();
}

void FakeDaemon::answer(const std::string& what, Answer answer) {
  const LockGuard lock(mutex_);
  answers_[what] = std::move(answer);
}

void FakeDaemon::stream(std::vector<Script> scripts) {
  const LockGuard lock(mutex_);
  scripts_ = std::move(scripts);
}

void FakeDaemon::serve_events(std::uint64_t newest) {
  const LockGuard lock(mutex_);
  newest_event_ = newest;
}

std::vector<Asked> FakeDaemon::asked() const {
  const LockGuard lock(mutex_);
  return asked_;
}

std::vector<Asked> FakeDaemon::asked(const std::string& what) const {
  std::vector<Asked> found;
  for (const Asked& one : asked()) {
    if (one.method + " " + one.target.substr(0, one.target.find('?')) == what) found.push_back(one);
  }
  return found;
}

void FakeDaemon::serve(const httplib::Request& request, httplib::Response& response) {
  {
    const LockGuard lock(mutex_);
    asked_.push_back({request.method, request.target, request.body, request.get_header_value("Last-Event-ID"),
                      request.get_header_value("Authorization")});
  }
  if (request.get_header_value("Accept") == "text/event-stream" && serve_stream(request, response)) return;
  const LockGuard lock(mutex_);
  if (newest_event_ && request.path == "/api/v1") {
    response.set_content(R"({"version":"0.1.0","newest_event":)" + std::to_string(*newest_event_) + "}",
                         "application/json");
    return;
  }
  if (newest_event_ && request.path == "/api/v1/events") {
    response.set_content(listed(request, *newest_event_), "application/json");
    return;
  }
  const auto found = answers_.find(request.method + " " + request.path);
  const Answer answer = found != answers_.end() ? found->second : Answer{404, kProblem404, "application/problem+json"};
  response.status = answer.status;
  response.set_content(answer.body, answer.type);
}

bool FakeDaemon::serve_stream(const httplib::Request&, httplib::Response& response) {
  Script script;
  {
    const LockGuard lock(mutex_);
    if (next_script_ >= scripts_.size()) {
      response.status = 503;
      response.set_content(R"({"title":"Too many streams","status":503,"detail":"too many live streams: try later"})",
                           "application/problem+json");
      return true;
    }
    script = scripts_[next_script_++];
  }
  response.set_chunked_content_provider(
      "text/event-stream", [this, script, sent = false](std::size_t, httplib::DataSink& sink) mutable {
        if (!sent) {
          sink.write(script.text.data(), script.text.size());
          sent = true;
          return true;
        }
        if (!script.stays_open) {
          sink.done();
          return true;
        }
        UniqueLock lock(mutex_);
        if (ending_.wait_for(lock, std::chrono::milliseconds(50), [this]() WOBBLE_REQUIRES(mutex_) { return ended_; }))
          sink.done();
        lock.unlock();
        static constexpr char kHeartbeat[] = ": heartbeat\n\n";
        return sink.write(kHeartbeat, sizeof kHeartbeat - 1);
      });
  return true;
}

}  // namespace wobble::test
