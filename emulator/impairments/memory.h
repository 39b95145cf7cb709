// Where a model with a memory keeps it: once for the link, or once for each connection.
//
// The states of connections lie in two arrays of a fixed bound, whose address space is reserved when conditions first
// ask for them and whose pages the kernel gives when they are first touched (lazy_array.h). So the packet path neither
// allocates nor can fail, however many connections come and go.
#pragma once

#include <memory>
#include <optional>

#include "emulator/impairments/chance.h"
#include "emulator/lazy_array.h"

namespace wobble {

/// The states of connections that are half-open, by flow key. There are kCapacity at most: one more takes the place of
/// the one that was opened first.
template <typename State>
class HalfOpenStates {
 public:
  static constexpr std::uint32_t kCapacity = 131'072;  ///< twice what the table keeps unless asked otherwise

  /// Throws std::bad_alloc if the address space cannot be had.
  HalfOpenStates() : entries_(kCapacity), buckets_(kCapacity) {}

  /// Its state, a fresh one if it has none.
  State& of(std::uint64_t flow_key) noexcept {
    if (const std::uint32_t place = find(flow_key)) return entries_[place - 1].state;
    Entry& entry = entries_[next_];
    if (entry.is_used) remove(entry.flow_key);
    std::uint32_t& bucket = bucket_of(flow_key);
    entry = {flow_key, bucket, true, State{}};
    bucket = next_ + 1;
    next_ = (next_ + 1) % kCapacity;
    return entry.state;
  }

  /// Removes it and returns its state; nothing if it has none.
  std::optional<State> take(std::uint64_t flow_key) noexcept {
    const std::uint32_t place = find(flow_key);
    if (place == 0) return std::nullopt;
    remove(flow_key);
    return entries_[place - 1].state;
  }

  void clear() noexcept {
    entries_.clear();
    buckets_.clear();
    next_ = 0;
  }

 private:
  struct Entry {
    std::uint64_t flow_key;
    std::uint32_t next;  ///< of its bucket: a place, which is an index and one; 0: none
    bool is_used;
    State state;
  };

  std::uint32_t& bucket_of(std::uint64_t flow_key) noexcept { return buckets_[flow_key % kCapacity]; }
  std::uint32_t find(std::uint64_t flow_key) noexcept {
    std::uint32_t place = bucket_of(flow_key);
    while (place != 0 && entries_[place - 1].flow_key != flow_key) place = entries_[place - 1].next;
    return place;
  }
  void remove(std::uint64_t flow_key) noexcept {
    std::uint32_t* place = &bucket_of(flow_key);
    while (entries_[*place - 1].flow_key != flow_key) place = &entries_[*place - 1].next;
    Entry& entry = entries_[*place - 1];
    *place = entry.next;
    entry.is_used = false;
  }

  LazyArray<Entry> entries_;  ///< a ring, in the order in which they were opened
  LazyArray<std::uint32_t> buckets_;
  std::uint32_t next_ = 0;
};

/// Hands out, for each packet, the state that its fate hangs on and the place of its random numbers: of the link, whose
/// packets are counted here, or of the packet's connection. A connection's state lives as long as its record in the
/// table, which bounds how many there are. While it is half-open it has no record: its state waits in HalfOpenStates
/// until it has one. Packets without a connection (a fragment without ports) share one.
template <typename State>
class Memory {
 public:
  struct Turn {
    State& state;
    FlowPosition position;  ///< of the numbers to draw
  };

  /// Reserves what `per` needs for a table of so many connections. Changes nothing that can be seen. Throws
  /// std::bad_alloc. To be called before configure() with the same scope.
  void reserve(Scope per, std::uint32_t connections) {
    if (per == Scope::connection && !connections_) connections_ = std::make_unique<Connections>(connections);
  }
  /// Everything starts anew, but for the link's numbers, which go on, so that none is used twice.
  void configure(Scope per) noexcept {
    per_ = per;
    shared_ = {};
    if (per == Scope::link) {
      connections_.reset();
    } else if (connections_) {
      connections_->clear();
    }
  }

  Turn next(const FlowPosition& flow) noexcept {
    if (per_ == Scope::link) return {shared_, {{}, 0, link_packet_++}};
    return {flow.connection && connections_ ? connections_->of(flow) : shared_, flow};
  }

 private:
  class Connections {
   public:
    explicit Connections(std::uint32_t capacity) : records_(std::size_t{capacity} + 1) {}

    State& of(const FlowPosition& flow) noexcept {
      if (flow.connection.is_half_open()) return half_open_.of(flow.flow_key);
      Record& record = records_[flow.connection.index];
      if (record.generation != flow.connection.generation) {
        record = {flow.connection.generation, half_open_.take(flow.flow_key).value_or(State{})};
      }
      return record.state;
    }
    void clear() noexcept {
      records_.clear();
      half_open_.clear();
    }

   private:
    struct Record {
      std::uint32_t generation;
      State state;
    };
    LazyArray<Record> records_;  ///< by the index of the connection's record in the table
    HalfOpenStates<State> half_open_;
  };

  Scope per_ = Scope::link;
  State shared_;
  std::uint64_t link_packet_ = 0;
  std::unique_ptr<Connections> connections_;  ///< none: nothing is kept by connection
};

}  // namespace wobble
