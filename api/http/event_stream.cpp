#include "api/http/event_stream.h"

#include <algorithm>

#include "api/conditions/problem.h"
#include "api/http/access.h"
#include "api/rows/rows_json.h"

namespace wobble::api {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kWait = 100ms;                     // so that a new stream and stop() are seen soon
constexpr auto kCaptureWait = 20ms;               // captures are asked so often
constexpr auto kHeartbeat = 3s;                   // proxies and people give up on silence
constexpr std::uint32_t kBatch = 256;             // events handed on at once
constexpr std::size_t kMostWaiting = 256 * 1024;  // bytes that a client has not taken
constexpr std::uint64_t kSpan = 100'000;          // ids looked through in one turn: a filter may let few pass
constexpr char kGreeting[] = "retry: 1000\n\n";   // ms a browser waits before it comes back
constexpr char kBeat[] = ": still here\n\n";

}  // namespace

std::string print_sse(const EventRow& event) {
  std::string kind;
  for (const char c : event.kind) kind += c > ' ' ? c : '_';
  // Line breaks are escaped in it, so the data is one line.
  const std::string data = print_json(event);
  return "id: " + std::to_string(event.id) + "\nevent: " + kind + "\ndata: " + data + "\n\n";
}

EventStreams::EventStreams(Backend& backend, unsigned most)
    : backend_(backend), most_(most), instance_(random_name()) {}

void EventStreams::enter() {
  if (stopping_) throw Problem(503, "The daemon is stopping.").with_header("Retry-After", "2");
  if (active_.fetch_add(1) >= most_) {
    --active_;
    throw Problem(503, "All " + std::to_string(most_) + " live streams are taken.").with_header("Retry-After", "5");
  }
}

void EventStreams::add(Stream stream) {
  std::call_once(started_, [this] { thread_ = std::thread([this] { run(); }); });
  const LockGuard lock(mutex_);
  if (stopping_) {  // the thread may be gone
    stream.body->end();
    --active_;
    return;
  }
  opened_.push_back(std::move(stream));
  wake_.notify_one();
}

void EventStreams::open(const std::function<std::unique_ptr<Capture>()>& begin, const std::string& link,
                        Response& response) {
  enter();
  try {
    Stream stream{std::make_shared<BodyStream>(), begin(), {}, Clock::now()};
    response.set_header("Content-Disposition", "attachment; filename=\"" + link + ".pcapng\"");
    response.set_header("Content-Type", "application/x-pcapng");
    response.stream = stream.body;
    add(std::move(stream));
  } catch (...) {
    --active_;
    throw;
  }
}

void EventStreams::open(const EventQuery& query, Response& response) {
  enter();
  try {
    Stream stream{std::make_shared<BodyStream>(), nullptr, query, Clock::now()};
    stream.query.limit = kBatch;
    stream.query.max_bytes = kMostWaiting;
    stream.query.is_live = true;
    // So the client knows at once that it is connected, and to whom. Without an id: it is nothing to go on behind.
    stream.body->write(kGreeting);
    stream.body->write("event: hello\ndata: {\"instance\":\"" + instance_ + "\"}\n\n");
    response.set_header("Content-Type", "text/event-stream");
    response.stream = stream.body;
    add(std::move(stream));
  } catch (...) {
    --active_;
    throw;
  }
}

void EventStreams::stop() {
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::optional<std::uint64_t> EventStreams::wait_for_news(const std::list<Stream>& streams, std::uint64_t newest) {
  bool has_captures = false;
  for (const Stream& stream : streams) {
    has_captures = has_captures || stream.capture;
    const bool is_behind = !stream.capture && stream.query.since < newest;
    if (is_behind && stream.body->waiting() <= kMostWaiting) return newest;
  }
  try {
    return backend_.wait_for_event(newest, has_captures ? kCaptureWait : kWait);
  } catch (const std::exception&) {
    std::this_thread::sleep_for(kCaptureWait);
    return std::nullopt;
  }
}

void EventStreams::run() {
  std::list<Stream> streams;
  std::uint64_t newest = 0;
  while (!stopping_) {
    {
      UniqueLock lock(mutex_);
      if (streams.empty()) wake_.wait(lock, [this]() WOBBLE_REQUIRES(mutex_) { return stopping_ || !opened_.empty(); });
      if (!opened_.empty()) newest = 0;  // for them all that is there is new
      streams.splice(streams.end(), opened_);
    }
    const std::optional<std::uint64_t> news = wait_for_news(streams, newest);
    newest = news.value_or(newest);
    for (auto stream = streams.begin(); stream != streams.end();) {
      if (stopping_ || turn(*stream, news)) {
        ++stream;
        continue;
      }
      stream->body->end();
      stream = streams.erase(stream);
      --active_;
    }
  }
  const LockGuard lock(mutex_);
  streams.splice(streams.end(), opened_);
  for (Stream& stream : streams) stream.body->end();
  active_ -= static_cast<unsigned>(streams.size());
}

bool EventStreams::turn_of_capture(Stream& stream) {
  std::string bytes;
  if (!stream.capture->read(bytes, Duration{0})) return false;
  stream.body->write(bytes);
  return true;
}

bool EventStreams::turn(Stream& stream, std::optional<std::uint64_t> newest) {
  if (stream.body->is_gone()) return false;
  // Where the log does not answer the client comes back, from where it was.
  if (!newest && !stream.capture) return false;
  if (stream.body->waiting() > kMostWaiting) return true;
  try {
    if (stream.capture) return turn_of_capture(stream);
    std::string text;
    if (*newest > stream.query.since) {
      stream.query.up_to = std::min(*newest, stream.query.since + kSpan);
      const std::vector<EventRow> events = backend_.events(stream.query);
      for (const EventRow& event : events) text += print_sse(event);
      // More may follow behind a full answer; else nothing up to there is left.
      std::uint64_t seen = events.empty() ? 0 : events.back().id;
      if (!is_full(stream.query, events)) seen = std::max(seen, *stream.query.up_to);
      stream.query.since = std::max(stream.query.since, seen);
    }
    const auto now = Clock::now();
    if (text.empty() && now - stream.last_written < kHeartbeat) return true;
    stream.body->write(text.empty() ? kBeat : text);
    stream.last_written = now;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace wobble::api
