#include "api/event_stream.h"

#include <algorithm>
#include <memory>

#include "api/problem.h"
#include "api/rows_json.h"

namespace wobble::api {
namespace {

constexpr std::chrono::milliseconds kWait{250};  // so stop() is seen soon
constexpr std::chrono::seconds kHeartbeat{3};    // proxies and people give up on silence
constexpr std::uint32_t kBatch = 256;            // events written between two looks at the client
constexpr std::uint64_t kSpan = 100'000;         // ids looked through between them: a filter may let few pass
constexpr char kGreeting[] = "retry: 1000\n\n";  // ms a browser waits before it comes back
constexpr char kBeat[] = ": still here\n\n";

}  // namespace

std::string print_sse(const EventRow& event) {
  std::string kind;
  for (const char c : event.kind) kind += c > ' ' ? c : '_';
  // dump() escapes line breaks, so the data is one line.
  const std::string data = to_json(event).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return "id: " + std::to_string(event.id) + "\nevent: " + kind + "\ndata: " + data + "\n\n";
}

void EventStreams::enter() {
  if (stopping_) throw Problem(503, "The daemon is stopping.").with_header("Retry-After", "2");
  if (active_.fetch_add(1) >= most_) {
    --active_;
    throw Problem(503, "All " + std::to_string(most_) + " live streams are taken.").with_header("Retry-After", "5");
  }
}

void EventStreams::open(const std::function<std::unique_ptr<Capture>()>& begin, const std::string& link,
                        httplib::Response& response) {
  enter();
  std::shared_ptr<Capture> capture;
  try {
    capture = begin();
  } catch (...) {
    --active_;
    throw;
  }
  response.status = 200;
  response.set_header("Content-Disposition", "attachment; filename=\"" + link + ".pcapng\"");
  response.set_chunked_content_provider(
      "application/x-pcapng",
      [this, capture](std::size_t, httplib::DataSink& sink) {
        std::string bytes;
        const bool goes_on = !stopping_ && capture->read(bytes, kWait);
        if (!goes_on) {
          sink.done();
          return true;
        }
        return sink.is_writable() && (bytes.empty() || sink.write(bytes.data(), bytes.size()));
      },
      [this](bool) { --active_; });
}

void EventStreams::open(const EventQuery& query, httplib::Response& response) {
  enter();
  auto stream = std::make_shared<Stream>();
  stream->query = query;
  stream->query.limit = kBatch;
  stream->query.is_live = true;
  response.status = 200;
  response.set_chunked_content_provider(
      "text/event-stream", [this, stream](std::size_t, httplib::DataSink& sink) { return turn(*stream, sink); },
      [this](bool) { --active_; });
}

bool EventStreams::turn(Stream& stream, httplib::DataSink& sink) {
  const auto write = [&](const std::string& text) {
    stream.last_written = std::chrono::steady_clock::now();
    return sink.write(text.data(), text.size());
  };
  if (!stream.greeted) {
    stream.greeted = true;
    return write(kGreeting);  // so the client knows at once that it is connected
  }
  if (stopping_) {
    sink.done();
    return true;
  }
  if (!sink.is_writable()) return false;
  try {
    const std::uint64_t newest = backend_.wait_for_event(stream.query.since, kWait);
    const std::uint64_t up_to = std::min(newest, stream.query.since + kSpan);
    stream.query.up_to = up_to;
    const std::vector<EventRow> events =
        newest > stream.query.since ? backend_.events(stream.query) : std::vector<EventRow>{};
    std::string text;
    for (const EventRow& event : events) text += print_sse(event);
    // A short answer means that nothing up to there is left; a full one may.
    std::uint64_t seen = events.empty() ? 0 : events.back().id;
    if (events.size() < kBatch) seen = std::max(seen, up_to);
    stream.query.since = std::max(stream.query.since, seen);
    if (!text.empty()) return write(text);
  } catch (const std::exception&) {
    sink.done();  // the log does not answer: the client comes back, from where it was
    return true;
  }
  if (std::chrono::steady_clock::now() - stream.last_written >= kHeartbeat) return write(kBeat);
  return true;
}

}  // namespace wobble::api
