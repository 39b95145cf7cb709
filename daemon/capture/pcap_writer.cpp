#include "daemon/capture/pcap_writer.h"

#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {
namespace {

/// Numbers, least byte first, onto the end of a text.
class Bytes {
 public:
  explicit Bytes(std::string& out) : out_(out) {}

  Bytes& u16(std::uint64_t value) { return number(value, 2); }
  Bytes& u32(std::uint64_t value) { return number(value, 4); }
  Bytes& u64(std::uint64_t value) { return number(value, 8); }
  Bytes& raw(std::string_view bytes) {
    out_ += bytes;
    return *this;
  }
  Bytes& pad(std::size_t written) {
    out_.append((4 - written % 4) % 4, '\0');
    return *this;
  }
  Bytes& option(std::uint16_t code, std::string_view value) {
    if (value.empty()) return *this;
    value = value.substr(0, 65'000);
    return u16(code).u16(value.size()).raw(value).pad(value.size());
  }

 private:
  Bytes& number(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
  std::string& out_;
};

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A block whose length is known when it is done.
class Block {
 public:
  Block(std::string& out, std::uint32_t type) : out_(out), begin_(out.size()) { Bytes(out_).u32(type).u32(0); }
  ~Block() {
    std::string length;
    Bytes(length).u32(out_.size() - begin_ + 4);
    out_.replace(begin_ + 4, 4, length);
    out_ += length;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

 private:
  std::string& out_;
  std::size_t begin_;
};

}  // namespace

void write_pcap_header(std::string& out, std::uint32_t snap_length) {
  Bytes(out).u32(0xa1b23c4d).u16(2).u16(4).u64(0).u32(snap_length).u32(link_type::kRaw);
}

void write_pcap_frame(std::string& out, std::int64_t at, std::span<const std::uint8_t> bytes,
                      std::uint32_t original_length) {
  const auto time = static_cast<std::uint64_t>(at);
  Bytes(out).u32(time / 1'000'000'000).u32(time % 1'000'000'000).u32(bytes.size()).u32(original_length);
  out += text_of(bytes);
}

void write_section_header(std::string& out, std::string_view application, std::string_view comment) {
  const Block block(out, 0x0a0d0d0a);
  Bytes(out)
      .u32(0x1a2b3c4d)
      .u16(1)
      .u16(0)
      .u64(~std::uint64_t{0})
      .option(kPcapngComment, comment)
      .option(4, application);
  Bytes(out).u32(0);
}

void write_interface(std::string& out, std::uint32_t snap_length, const InterfaceText& text) {
  const Block block(out, 1);
  Bytes(out).u16(link_type::kRaw).u16(0).u32(snap_length);
  Bytes(out).option(2, text.name).option(3, text.description).option(9, std::string_view("\x09", 1));
  Bytes(out).option(15, text.hardware).u32(0);
}

void write_packet(std::string& out, std::uint32_t interface, std::int64_t at, std::span<const std::uint8_t> bytes,
                  std::uint32_t original_length, const FrameText& text) {
  const Block block(out, 6);
  const auto time = static_cast<std::uint64_t>(at);
  Bytes(out).u32(interface).u32(time >> 32).u32(time & 0xffffffff).u32(bytes.size()).u32(original_length);
  Bytes(out).raw(text_of(bytes)).pad(bytes.size()).option(kPcapngComment, text.comment);
  if (text.direction != FrameDirection::unknown)
    Bytes(out).u16(2).u16(4).u32(static_cast<std::uint32_t>(text.direction));
  if (text.missed > 0) Bytes(out).u16(4).u16(8).u64(text.missed);
  Bytes(out).u32(0);
}

void write_statistics(std::string& out, std::uint32_t interface, std::int64_t at, std::uint64_t received,
                      std::uint64_t missed) {
  const Block block(out, 5);
  const auto time = static_cast<std::uint64_t>(at);
  Bytes(out).u32(interface).u32(time >> 32).u32(time & 0xffffffff);
  Bytes(out).u16(4).u16(8).u64(received).u16(5).u16(8).u64(missed).u32(0);
}

}  // namespace wobble::daemon
