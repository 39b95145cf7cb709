// Where a capture's bytes come from: a file or standard input, plain or in gzip, read once from front to back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace wobble::daemon {

/// What is wrong with a capture, and where: `offset` counts bytes from its start (of what gzip holds, if it is packed).
struct CaptureError : std::runtime_error {
  CaptureError(const std::string& what, std::uint64_t at) : std::runtime_error(what), offset(at) {}
  std::uint64_t offset;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `out` from its front; fewer bytes than asked for only at the end. CaptureError if it cannot be read on.
  virtual std::size_t read(std::span<std::uint8_t> out) = 0;
};

/// What `source` holds, if it is gzip; else `source` itself. CaptureError if it is packed in another way (it is named).
std::unique_ptr<ByteSource> unpacked(std::unique_ptr<ByteSource> source);

/// `path`, or standard input for "-", unpacked. std::system_error if it cannot be opened.
std::unique_ptr<ByteSource> open_source(const std::string& path);

/// Bytes that somebody else keeps.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::uint8_t> bytes) : left_(bytes) {}
  std::size_t read(std::span<std::uint8_t> out) override;

 private:
  std::span<const std::uint8_t> left_;
};

/// Reads whole pieces and knows how far it has come.
class CaptureInput {
 public:
  explicit CaptureInput(std::unique_ptr<ByteSource> source) : source_(std::move(source)), buffer_(kBuffer) {}

  std::uint64_t offset() const noexcept { return offset_; }
  /// As many of out.size() bytes as are left.
  std::size_t read(std::span<std::uint8_t> out);
  /// All of them, or CaptureError: "`what` is cut off".
  void read_whole(std::span<std::uint8_t> out, const char* what);
  /// The same without a copy: valid until the next call of any kind. Fewer than `n` only at the end.
  std::span<const std::uint8_t> take(std::size_t n);
  void skip(std::uint64_t bytes, const char* what);

 private:
  static constexpr std::size_t kBuffer = 262'144;
  std::unique_ptr<ByteSource> source_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace wobble::daemon
