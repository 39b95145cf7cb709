#include "daemon/below_ip/assembly.h"

#include <stdexcept>

namespace wobble::daemon {
namespace {

constexpr std::size_t kNowhere = SIZE_MAX;
constexpr int kImmediate = BPF_K, kRegister = BPF_X;

}  // namespace

Assembly::Label Assembly::label() {
  places_.push_back(kNowhere);
  return {places_.size() - 1};
}

void Assembly::place(Label label) { places_[label.number] = code_.size(); }

void Assembly::put(int code, R to, R from, std::int32_t offset, std::int32_t value) {
  bpf_insn instruction{};
  instruction.code = static_cast<std::uint8_t>(code);
  instruction.dst_reg = static_cast<std::uint8_t>(to) & 0xf;
  instruction.src_reg = static_cast<std::uint8_t>(from) & 0xf;
  instruction.off = static_cast<std::int16_t>(offset);
  instruction.imm = value;
  code_.push_back(instruction);
}

void Assembly::move(R to, R from) { put(BPF_ALU64 | BPF_MOV | kRegister, to, from, 0, 0); }
void Assembly::move(R to, std::int32_t value) { put(BPF_ALU64 | BPF_MOV | kImmediate, to, R::r0, 0, value); }
void Assembly::add(R to, R what) { put(BPF_ALU64 | BPF_ADD | kRegister, to, what, 0, 0); }
void Assembly::add(R to, std::int32_t value) { put(BPF_ALU64 | BPF_ADD | kImmediate, to, R::r0, 0, value); }
void Assembly::subtract(R to, R what) { put(BPF_ALU64 | BPF_SUB | kRegister, to, what, 0, 0); }
void Assembly::bits_and(R to, std::int32_t mask) { put(BPF_ALU64 | BPF_AND | kImmediate, to, R::r0, 0, mask); }
void Assembly::shift_left(R to, std::int32_t by) { put(BPF_ALU64 | BPF_LSH | kImmediate, to, R::r0, 0, by); }
void Assembly::from_network_16(R to) { put(BPF_ALU | BPF_END | BPF_TO_BE, to, R::r0, 0, 16); }

void Assembly::load(R to, R base, std::int32_t offset, Width width) {
  put(BPF_LDX | BPF_MEM | static_cast<int>(width), to, base, offset, 0);
}

void Assembly::store(R base, std::int32_t offset, R what, Width width) {
  put(BPF_STX | BPF_MEM | static_cast<int>(width), base, what, offset, 0);
}

void Assembly::store(R base, std::int32_t offset, std::int32_t value, Width width) {
  put(BPF_ST | BPF_MEM | static_cast<int>(width), base, R::r0, offset, value);
}

void Assembly::atomic_add(R base, std::int32_t offset, R what) {
  put(BPF_STX | BPF_ATOMIC | BPF_DW, base, what, offset, BPF_ADD);
}

void Assembly::put_wide(R to, int kind, int map, std::uint32_t offset) {
  put(BPF_LD | BPF_IMM | BPF_DW, to, static_cast<R>(kind), 0, map);
  put(0, R::r0, R::r0, 0, static_cast<std::int32_t>(offset));
}

void Assembly::load_map(R to, int map) { put_wide(to, BPF_PSEUDO_MAP_FD, map, 0); }

void Assembly::load_map_value(R to, int map, std::uint32_t offset) { put_wide(to, BPF_PSEUDO_MAP_VALUE, map, offset); }

void Assembly::jump(Label to) {
  jumps_.push_back({code_.size(), to.number});
  put(BPF_JMP | BPF_JA, R::r0, R::r0, 0, 0);
}

void Assembly::jump(If how, R left, std::int32_t right, Label to) {
  jumps_.push_back({code_.size(), to.number});
  put(BPF_JMP | static_cast<int>(how) | kImmediate, left, R::r0, 0, right);
}

void Assembly::call(int helper) { put(BPF_JMP | BPF_CALL, R::r0, R::r0, 0, helper); }

void Assembly::exit() { put(BPF_JMP | BPF_EXIT, R::r0, R::r0, 0, 0); }

std::vector<bpf_insn> Assembly::finish() {
  for (const Jump& jump : jumps_) {
    const std::size_t place = places_[jump.label];
    if (place == kNowhere || place <= jump.at) throw std::logic_error("a jump of a BPF program leads nowhere");
    code_[jump.at].off = static_cast<std::int16_t>(place - jump.at - 1);
  }
  return std::move(code_);
}

}  // namespace wobble::daemon
