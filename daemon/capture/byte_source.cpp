#include "daemon/capture/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace wobble::daemon {
namespace {

/// A descriptor that is read from front to back.
class FileSource final : public ByteSource {
 public:
  /// Takes the descriptor over.
  explicit FileSource(int descriptor) : descriptor_(descriptor) {}
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = ::read(descriptor_, out.data() + done, out.size() - done);
      if (n == 0 || (n < 0 && done > 0 && errno != EINTR)) break;
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw CaptureError(std::string("it cannot be read: ") + std::strerror(errno), offset_);
      done += static_cast<std::size_t>(n);
    }
    offset_ += done;
    return done;
  }

 private:
  int descriptor_;
  std::uint64_t offset_ = 0;
};

/// Bytes that were read already, and what comes behind them.
class JoinedSource final : public ByteSource {
 public:
  JoinedSource(std::vector<std::uint8_t> head, std::unique_ptr<ByteSource> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  std::size_t read(std::span<std::uint8_t> out) override {
    const std::size_t n = std::min(out.size(), head_.size() - at_);
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
    at_ += n;
    return n < out.size() ? n + rest_->read(out.subspan(n)) : n;
  }

 private:
  std::vector<std::uint8_t> head_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

/// What gzip holds (RFC 1952), members one after the other. Every byte before damage is handed out, and then the damage
/// is told: also those of a member whose check value at the end is wrong.
class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)), buffer_(kBuffer) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (::inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(std::span<std::uint8_t> out) override {
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out > 0 && damage_.empty() && !is_at_end_) step();
    const std::size_t done = out.size() - stream_.avail_out;
    offset_ += done;
    if (done == 0 && !out.empty() && !damage_.empty()) {
      throw CaptureError("the gzip stream is damaged: " + damage_, offset_);
    }
    return done;
  }

 private:
  static constexpr std::size_t kBuffer = 65'536;

  void step() {
    if (stream_.avail_in == 0 && !refill()) {
      if (!is_between_members_) damage_ = "it is cut off";
      is_at_end_ = true;
      return;
    }
    constexpr std::uint8_t kMemberBegins = 0x1f;
    if (is_between_members_ &&
        *stream_.next_in != kMemberBegins) {  // what stands behind the last one is left, as gunzip does
      is_at_end_ = true;
      return;
    }
    is_between_members_ = false;
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      is_between_members_ = true;
      ::inflateReset(&stream_);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      damage_ = stream_.msg != nullptr ? stream_.msg : "it is no gzip";
    }
  }
  bool refill() {
    const std::size_t n = packed_->read(buffer_);
    stream_.next_in = buffer_.data();
    stream_.avail_in = static_cast<uInt>(n);
    return n > 0;
  }

  std::unique_ptr<ByteSource> packed_;
  std::vector<std::uint8_t> buffer_;
  z_stream stream_{};
  bool is_between_members_ = true;
  bool is_at_end_ = false;
  std::string damage_;
  std::uint64_t offset_ = 0;
};

struct Packing {
  std::array<std::uint8_t, 6> magic;
  std::size_t size;
  const char* name;
  const char* unpack;
};
/// Not read here: what it is, and what reads it.
constexpr Packing kPackings[] = {
    {{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd", "zstd -dc"},  {{0x04, 0x22, 0x4d, 0x18}, 4, "lz4", "lz4 -dc"},
    {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, "xz", "xz -dc"}, {{'B', 'Z', 'h'}, 3, "bzip2", "bzip2 -dc"},
    {{'P', 'K', 3, 4}, 4, "zip", "unzip -p"},
};

bool begins_with(std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

}  // namespace

std::unique_ptr<ByteSource> unpacked(std::unique_ptr<ByteSource> source) {
  std::vector<std::uint8_t> head(6);
  head.resize(source->read(head));
  for (const Packing& packing : kPackings) {
    if (!begins_with(head, std::span(packing.magic).first(packing.size))) continue;
    throw CaptureError(std::string("it is packed with ") + packing.name + ": only gzip is read; unpack it first, as '" +
                           packing.unpack + " FILE | wobble analyze -' does",
                       0);
  }
  constexpr std::uint8_t kGzip[] = {0x1f, 0x8b};
  const bool is_gzip = begins_with(head, kGzip);
  auto whole = std::make_unique<JoinedSource>(std::move(head), std::move(source));
  if (!is_gzip) return whole;
  return std::make_unique<GzipSource>(std::move(whole));
}

std::unique_ptr<ByteSource> open_source(const std::string& path) {
  const int descriptor = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category());
  struct stat info {};
  if (::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    throw std::system_error(EISDIR, std::generic_category());
  }
  return unpacked(std::make_unique<FileSource>(descriptor));
}

std::size_t MemorySource::read(std::span<std::uint8_t> out) {
  const std::size_t n = std::min(out.size(), left_.size());
  std::copy_n(left_.begin(), n, out.begin());
  left_ = left_.subspan(n);
  return n;
}

std::size_t CaptureInput::read(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    if (begin_ == end_) {
      begin_ = 0;
      end_ = source_->read(buffer_);
      if (end_ == 0) break;
    }
    const std::size_t n = std::min(out.size() - done, end_ - begin_);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), n,
                out.begin() + static_cast<std::ptrdiff_t>(done));
    begin_ += n;
    done += n;
  }
  offset_ += done;
  return done;
}

std::span<const std::uint8_t> CaptureInput::take(std::size_t n) {
  if (end_ - begin_ < n) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (buffer_.size() < n) buffer_.resize(n);
    while (end_ < n) {
      const std::size_t more = source_->read(std::span(buffer_).subspan(end_));
      if (more == 0) break;
      end_ += more;
    }
  }
  const std::size_t got = std::min(n, end_ - begin_);
  begin_ += got;
  offset_ += got;
  return std::span(buffer_).subspan(begin_ - got, got);
}

void CaptureInput::read_whole(std::span<std::uint8_t> out, const char* what) {
  const std::uint64_t began = offset_;
  if (read(out) < out.size()) throw CaptureError(std::string(what) + " is cut off", began);
}

void CaptureInput::skip(std::uint64_t bytes, const char* what) {
  std::uint8_t ignored[4096];
  while (bytes > 0) {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, sizeof ignored));
    read_whole({ignored, n}, what);
    bytes -= n;
  }
}

}  // namespace wobble::daemon
