#include "api/file_store.h"

#include <utility>

#include "api/backend.h"
#include "api/dist_file.h"
#include "api/named_file.h"
#include "api/sha256.h"
#include "api/trace_file.h"

namespace wobble::api {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);

constexpr const char* kNoRoom =
    "there is no room for it in the memory that links may use; start wobbled with a larger --memory, or reset a link";

}  // namespace

template <typename Number>
SharedNumbers<Number> FileStore::find(const Kept<Number>& kept, const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  const auto found = kept.find(sha256);
  return found == kept.end() ? nullptr : found->second.lock();
}

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
  const std::lock_guard lock(mutex_);
  std::erase_if(kept, [](const auto& entry) { return entry.second.expired(); });
  kept[sha256] = shared;
  return shared;
}

template <std::size_t Largest, typename Number>
Parsed<FileNumbers<Number>> FileStore::read(Kept<Number>& kept, Parsed<std::vector<Number>> (*parse)(std::string_view),
                                            const std::string& path, std::size_t& allowance) {
  const std::unique_lock reading(reading_, kPatience);
  if (!reading.owns_lock()) throw Unavailable("other files are being read: try again");
  const Parsed<std::string> text = read_named_file(path, Largest, allowance);
  if (!text.ok()) return {{}, text.error};
  Parsed<FileNumbers<Number>> out;
  out.value.file = {path, sha256_of(text.value)};
  out.value.numbers = find(kept, out.value.file.sha256);
  if (out.value.numbers) return out;
  Parsed<std::vector<Number>> numbers = parse(text.value);
  if (!numbers.ok()) return {{}, numbers.error};
  out.value.numbers = keep(kept, out.value.file.sha256, std::move(numbers.value));
  if (!out.value.numbers) out.error = kNoRoom;
  return out;
}

Parsed<FileTrace> FileStore::read_trace(const std::string& path, std::size_t& allowance) {
  return read<kLargestTrace>(traces_, parse_trace, path, allowance);
}

Parsed<FileTable> FileStore::read_table(const std::string& path, std::size_t& allowance) {
  return read<kLargestTable>(tables_, parse_dist, path, allowance);
}

}  // namespace wobble::api
