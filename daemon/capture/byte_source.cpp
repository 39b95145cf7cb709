#include "daemon/capture/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace wobble::daemon {
namespace {

// So little is lost of what stood before the damage in a packed file.
constexpr std::size_t kStep = 8192;

class FileSource final : public ByteSource {
 public:
  /// Takes the descriptor over.
  explicit FileSource(int descriptor) : file_(::gzdopen(descriptor, "rb")) {
    if (file_ == nullptr) {
      ::close(descriptor);
      throw std::system_error(ENOMEM, std::generic_category());
    }
    ::gzbuffer(file_, 128 * 1024);
  }
  ~FileSource() override { ::gzclose_r(file_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto wanted = static_cast<unsigned>(std::min(out.size() - done, kStep));
      const int n = ::gzread(file_, out.data() + done, wanted);
      if (n <= 0) {
        check(done);
        break;
      }
      done += static_cast<std::size_t>(n);
    }
    offset_ += done;
    return done;
  }

 private:
  // At the end of what can be read. What was read before is handed out first.
  void check(std::size_t done) const {
    int code = Z_OK;
    std::string text = ::gzerror(file_, &code);
    if (code == Z_OK || code == Z_STREAM_END || done > 0) return;
    if (code == Z_ERRNO) throw CaptureError(std::string("it cannot be read: ") + std::strerror(errno), offset_);
    if (const std::size_t colon = text.find(": "); colon != std::string::npos) text.erase(0, colon + 2);  // "<fd:3>: "
    throw CaptureError("the gzip stream is damaged: " + (code == Z_BUF_ERROR ? "it is cut off" : text), offset_);
  }

  gzFile file_;
  std::uint64_t offset_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> open_source(const std::string& path) {
  const int descriptor = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category());
  struct stat info {};
  if (::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    throw std::system_error(EISDIR, std::generic_category());
  }
  return std::make_unique<FileSource>(descriptor);
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
