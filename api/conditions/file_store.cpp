#include "api/conditions/file_store.h"

#include <chrono>
#include <utility>

#include "api/backend.h"
#include "api/conditions/dist_file.h"
#include "api/conditions/sha256.h"
#include "api/conditions/trace_file.h"

namespace wobble::api {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kLook = std::chrono::milliseconds(20);  // so soon it is seen that nobody waits for the answer

constexpr const char* kNoRoom =
    "there is no room for it in the memory that links may use; start wobbled with a larger --memory, or reset a link";

}  // namespace

template <typename Number>
SharedNumbers<Number> FileStore::find(const Kept<Number>& kept, const std::string& sha256) {
  const LockGuard lock(mutex_);
  const auto found = kept.find(sha256);
  return found == kept.end() ? nullptr : found->second.lock();
}
// The header's own functions ask it.
template SharedNumbers<std::uint32_t> FileStore::find(const Kept<std::uint32_t>& kept, const std::string& sha256);
template SharedNumbers<std::int16_t> FileStore::find(const Kept<std::int16_t>& kept, const std::string& sha256);

template <typename Number>
SharedNumbers<Number> FileStore::keep(Kept<Number>& kept, const std::string& sha256, std::vector<Number> numbers) {
  const std::size_t bytes = numbers.capacity() * sizeof(Number);
  auto owned = std::make_unique<const std::vector<Number>>(std::move(numbers));
  if (memory_ && !memory_->take(bytes)) return nullptr;
  const auto give_back = [memory = memory_, bytes](const std::vector<Number>* list) {
    delete list;
    if (memory) memory->give_back(bytes);
  };
  const SharedNumbers<Number> shared(owned.release(), give_back);
  const LockGuard lock(mutex_);
  std::erase_if(kept, [](const auto& entry) { return entry.second.expired(); });
  kept[sha256] = shared;
  return shared;
}

template <typename Number>
std::optional<Parsed<FileNumbers<Number>>> FileStore::wait_for_others(UniqueLock& lock, Shelf<Number>& shelf,
                                                                      const OpenedFile& file,
                                                                      const Question& is_given_up) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (is_reading_) {
    const std::shared_ptr<Underway<Number>> reading = shelf.reading;
    const bool is_same = reading && reading->file == file.identity;
    if (is_same) ++reading->waiting;
    over_.wait_for(lock, kLook);
    if (is_same) --reading->waiting;
    if (is_same && reading->found) return reading->found;
    if (is_given_up && is_given_up()) throw GivenUp();
    if (!is_same && std::chrono::steady_clock::now() > deadline) {
      throw Unavailable("other files are being read: try again");
    }
  }
  return std::nullopt;
}

template <typename Number>
Parsed<FileNumbers<Number>> FileStore::read(Shelf<Number>& shelf, Parse<Number> parse, const std::string& path,
                                            const Parsed<OpenedFile>& file, const Question& is_given_up) {
  if (!file.ok()) return {{}, file.error};
  const auto reading = std::make_shared<Underway<Number>>();
  reading->file = file.value.identity;
  {
    UniqueLock lock(mutex_);
    if (auto found = wait_for_others(lock, shelf, file.value, is_given_up)) {
      found->value.file.path = path;
      return *found;
    }
    is_reading_ = true;
    shelf.reading = reading;
  }
  const auto end = [&](std::optional<Parsed<FileNumbers<Number>>> found) {
    const LockGuard lock(mutex_);
    is_reading_ = false;
    shelf.reading = nullptr;
    reading->found = std::move(found);
    over_.notify_all();
  };
  const auto pause = [&] {
    if (!is_given_up || !is_given_up()) return;
    const LockGuard look(mutex_);
    if (reading->waiting == 0) throw GivenUp();
  };
  try {
    Parsed<FileNumbers<Number>> found = read_now(shelf, parse, path, file.value, pause);
    end(found);
    return found;
  } catch (...) {
    end(std::nullopt);
    throw;
  }
}

template <typename Number>
Parsed<FileNumbers<Number>> FileStore::read_now(Shelf<Number>& shelf, Parse<Number> parse, const std::string& path,
                                                const OpenedFile& file, const Pause& pause) {
  const Parsed<std::string> text = read_file(file, pause);
  if (!text.ok()) return {{}, text.error};
  Parsed<FileNumbers<Number>> out;
  out.value.file = {path, sha256_of(text.value, pause)};
  out.value.numbers = find(shelf.kept, out.value.file.sha256);
  if (out.value.numbers) return out;
  Parsed<std::vector<Number>> numbers = parse(text.value, pause);
  if (!numbers.ok()) return {{}, numbers.error};
  out.value.numbers = keep(shelf.kept, out.value.file.sha256, std::move(numbers.value));
  if (!out.value.numbers) out.error = kNoRoom;
  return out;
}

Parsed<FileTrace> FileStore::read_trace(const std::string& path, std::size_t& allowance, const Question& is_given_up) {
  return read(traces_, parse_trace, path, open_named_file(path, kLargestTrace, allowance), is_given_up);
}

Parsed<FileTable> FileStore::read_table(const std::string& path, std::size_t& allowance, const Question& is_given_up) {
  constexpr auto parse = [](std::string_view text, const Pause&) { return parse_dist(text); };
  return read(tables_, Parse<std::int16_t>(parse), path, open_named_file(path, kLargestTable, allowance), is_given_up);
}

}  // namespace wobble::api
