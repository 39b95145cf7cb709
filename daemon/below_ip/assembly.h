// Writes a small BPF program, instruction by instruction (Linux Documentation/bpf/standardization/instruction-set.rst),
// with labels for its jumps. What it means is the caller's: here is only how it is written down.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wobble::daemon {

/// r0 is a call's answer, r1 to r5 its arguments (a call forgets them), r6 to r9 are kept, r10 is the stack's end.
enum class Register : std::uint8_t { r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 };

/// The width of a load or store.
enum class Width : std::uint8_t { u8 = BPF_B, u16 = BPF_H, u32 = BPF_W, u64 = BPF_DW };

enum class If : std::uint8_t {
  equal = BPF_JEQ,
  different = BPF_JNE,
  above = BPF_JGT,  ///< without sign, like those below
  at_least = BPF_JGE,
  below = BPF_JLT,
  any_bit = BPF_JSET
};

class Assembly {
 public:
  using R = Register;

  /// A place in the program, to be jumped to before or after it is placed. Only forward: programs here have no loops.
  struct Label {
    std::size_t number;
  };
  Label label();
  void place(Label label);

  void move(R to, R from);
  void move(R to, std::int32_t value);  ///< extended by its sign
  void add(R to, R what);
  void add(R to, std::int32_t value);
  void subtract(R to, R what);
  void bits_and(R to, std::int32_t mask);
  void shift_left(R to, std::int32_t by);
  /// 16 bits in the network's order become the machine's.
  void from_network_16(R to);

  void load(R to, R base, std::int32_t offset, Width width);
  void store(R base, std::int32_t offset, R what, Width width);
  void store(R base, std::int32_t offset, std::int32_t value, Width width);
  void atomic_add(R base, std::int32_t offset, R what);  ///< 64 bits

  void load_map(R to, int map);
  /// The address `offset` bytes into the only value of an array map.
  void load_map_value(R to, int map, std::uint32_t offset);

  void jump(Label to);
  void jump(If how, R left, std::int32_t right, Label to);
  void call(int helper);  ///< BPF_FUNC_...
  void exit();

  /// The program; each label that is jumped to must have been placed.
  std::vector<bpf_insn> finish();

 private:
  void put(int code, R to, R from, std::int32_t offset, std::int32_t value);
  void put_wide(R to, int kind, int map, std::uint32_t offset);

  struct Jump {
    std::size_t at;
    std::size_t label;
  };
  std::vector<bpf_insn> code_;
  std::vector<Jump> jumps_;
  std::vector<std::size_t> places_;
};

}  // namespace wobble::daemon
