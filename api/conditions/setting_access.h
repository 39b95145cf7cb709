// Makes the functions of a setting from the member that it is kept in: in<InTime, &DelaySettings::jitter>({...}).
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "api/conditions/object_reader.h"
#include "api/conditions/setting.h"
#include "api/conditions/units.h"
#include "api/nearest_name.h"

namespace wobble::api {

template <typename Owner, typename Value>
Owner owner_of(Value Owner::*);
template <typename Owner, typename Value>
Value value_of(Value Owner::*);
template <auto Member>
using OwnerOf = decltype(owner_of(Member));
template <auto Member>
using ValueOf = decltype(value_of(Member));

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// Each unit: how its text is read and written, and its value as the whole number that ranges are of.
struct InTime {
  static constexpr Kind kKind = Kind::time;
  static Parsed<Duration> parse(std::string_view text) { return parse_duration(text); }
  static std::string print(Duration value) { return print_duration(value); }
  static std::int64_t number(Duration value) { return value.count(); }
  static Duration value(std::int64_t number) { return Duration(number); }
};
struct InPercent {
  static constexpr Kind kKind = Kind::percent;
  static Parsed<Probability> parse(std::string_view text) { return parse_percent(text); }
  static std::string print(Probability value) { return print_percent(value); }
  static std::int64_t number(Probability value) { return value.parts_per_billion; }
  static Probability value(std::int64_t number) { return {static_cast<std::uint32_t>(number)}; }
};
/// Of 32 or 64 bits.
struct InBytes {
  static constexpr Kind kKind = Kind::size;
  static Parsed<std::uint64_t> parse(std::string_view text) { return parse_size(text); }
  static std::string print(std::uint64_t value) { return print_size(value); }
  static std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }
  static std::uint64_t value(std::int64_t number) { return static_cast<std::uint64_t>(number); }
};
struct InMtu : InBytes {
  static Parsed<std::uint32_t> parse(std::string_view text) { return parse_mtu(text); }
};
struct InOverhead {
  static constexpr Kind kKind = Kind::overhead;
  static Parsed<std::int32_t> parse(std::string_view text) { return parse_overhead(text); }
  static std::string print(std::int32_t value) { return print_overhead(value); }
  static std::int64_t number(std::int32_t value) { return value; }
  static std::int32_t value(std::int64_t number) { return static_cast<std::int32_t>(number); }
};
struct InBits {
  static constexpr Kind kKind = Kind::rate;
  static Parsed<std::uint64_t> parse(std::string_view text) { return parse_rate(text); }
  static std::string print(std::uint64_t value) { return print_rate(value); }
  static std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }
  static std::uint64_t value(std::int64_t number) { return static_cast<std::uint64_t>(number); }
};
/// Millionths of a hertz.
struct InHertz {
  static constexpr Kind kKind = Kind::frequency;
  static Parsed<std::uint32_t> parse(std::string_view text) { return parse_hertz(text); }
  static std::string print(std::uint32_t value) { return print_hertz(value); }
  static std::int64_t number(std::uint32_t value) { return value; }
  static std::uint32_t value(std::int64_t number) { return static_cast<std::uint32_t>(number); }
};
/// Thousandths of a packet.
struct InMeanPackets {
  static constexpr Kind kKind = Kind::mean_packets;
  static Parsed<std::uint32_t> parse(std::string_view text) { return parse_mean_packets(text); }
  static std::string print(std::uint32_t value) { return print_mean_packets(value); }
  static std::int64_t number(std::uint32_t value) { return value; }
  static std::uint32_t value(std::int64_t number) { return static_cast<std::uint32_t>(number); }
};

/// What is read and written of one member, whatever its unit.
template <auto Member>
struct MemberAccess {
  using Owner = OwnerOf<Member>;
  using Value = ValueOf<Member>;

  static Value& of(void* owner) { return static_cast<Owner*>(owner)->*Member; }
  static const Value& of(const void* owner) { return static_cast<const Owner*>(owner)->*Member; }
  static void set(void* owner, Value value) { of(owner) = std::move(value); }
  static void reset(void* owner) { of(owner) = Owner{}.*Member; }
  static bool is_default(const void* owner) { return of(owner) == Owner{}.*Member; }
};

/// An alternative of the variant that a member of the owner is. The variant's default is its first alternative.
template <auto Variant, typename Alternative>
struct AlternativeAccess {
  using Owner = OwnerOf<Variant>;

  static Alternative* held(void* owner) { return std::get_if<Alternative>(&(static_cast<Owner*>(owner)->*Variant)); }
  static const Alternative* held(const void* owner) {
    return std::get_if<Alternative>(&(static_cast<const Owner*>(owner)->*Variant));
  }
  static Alternative& emplace(void* owner) {
    return (static_cast<Owner*>(owner)->*Variant).template emplace<Alternative>();
  }
  static void reset(void* owner) {
    if (held(owner) != nullptr) static_cast<Owner*>(owner)->*Variant = {};
  }
};

/// Names a member of an alternative where otherwise a member of the owner is named.
template <auto Variant, auto Member>
struct MemberOfAlternative {};
template <auto Variant, auto Member>
inline constexpr MemberOfAlternative<Variant, Member> kMemberOf{};

/// The member has its default while another alternative is held, which gives way only to something else. An
/// alternative with nothing but defaults asks for nothing, and is not kept.
template <auto Variant, auto Member, MemberOfAlternative<Variant, Member> Named>
struct MemberAccess<Named> {
  using Alternative = OwnerOf<Member>;
  using Value = ValueOf<Member>;
  using Place = AlternativeAccess<Variant, Alternative>;

  static const Value& of(const void* owner) {
    static const Alternative kDefault{};
    const Alternative* held = Place::held(owner);
    return (held != nullptr ? held : &kDefault)->*Member;
  }
  static void set(void* owner, Value value) {
    if (of(owner) == value) return;
    Alternative* held = Place::held(owner);
    if (held == nullptr) held = &Place::emplace(owner);
    held->*Member = std::move(value);
    if (*held == Alternative{}) Place::reset(owner);
  }
  static void reset(void* owner) { set(owner, Alternative{}.*Member); }
  static bool is_default(const void* owner) { return of(owner) == Alternative{}.*Member; }
};

/// The text of a quantity as `Parse` has it; an error, and nothing, if it is wrong.
template <typename T>
std::optional<T> read_quantity(const Setting& setting, const nlohmann::json& value, const std::string& pointer,
                               Parsed<T> (*parse)(std::string_view), Reading& reading) {
  const Parsed<std::string> text = quantity_text(value, setting.example);
  const Parsed<T> parsed = text.ok() ? parse(text.value) : Parsed<T>{{}, text.error};
  if (parsed.ok()) return parsed.value;
  reading.push_back({pointer, parsed.error});
  return std::nullopt;
}

/// A quantity with a unit; of an optional member, absent is nothing.
template <typename Unit, auto Member>
constexpr Setting in(Setting setting) {
  using Place = MemberAccess<Member>;
  setting.kind = Unit::kKind;
  setting.read = [](const Setting& s, const nlohmann::json& value, const std::string& pointer, void* owner,
                    Reading& reading) {
    const auto read = read_quantity(s, value, pointer, &Unit::parse, reading);
    if (!read) return;
    if constexpr (std::is_same_v<typename Place::Value, std::uint32_t> ||
                  std::is_same_v<typename Place::Value, std::optional<std::uint32_t>>) {
      if (*read > std::numeric_limits<std::uint32_t>::max()) return reading.push_back({pointer, "is too large"});
      Place::set(owner, static_cast<std::uint32_t>(*read));
    } else {
      Place::set(owner, *read);
    }
  };
  setting.write = [](const Setting& s, const void* owner) -> nlohmann::json {
    if (!s.is_always_written && Place::is_default(owner)) return {};
    if constexpr (kIsOptional<typename Place::Value>) {
      return Unit::print(*Place::of(owner));
    } else {
      return Unit::print(Place::of(owner));
    }
  };
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  setting.number = [](const void* owner) -> std::optional<std::int64_t> {
    if constexpr (kIsOptional<typename Place::Value>) {
      if (!Place::of(owner)) return std::nullopt;
      return Unit::number(*Place::of(owner));
    } else {
      return Unit::number(Place::of(owner));
    }
  };
  setting.print = [](std::int64_t number) { return Unit::print(Unit::value(number)); };
  return setting;
}

template <auto Member>
constexpr Setting flag(Setting setting) {
  using Place = MemberAccess<Member>;
  setting.kind = Kind::flag;
  setting.read = [](const Setting&, const nlohmann::json& value, const std::string& pointer, void* owner,
                    Reading& reading) {
    if (value.is_boolean()) {
      Place::set(owner, value.get<bool>());
    } else {
      reading.push_back({pointer, "true or false is expected, not " + shown(value)});
    }
  };
  setting.write = [](const Setting&, const void* owner) -> nlohmann::json {
    return Place::is_default(owner) ? nlohmann::json() : nlohmann::json(Place::of(owner));
  };
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  setting.number = [](const void* owner) -> std::optional<std::int64_t> { return Place::of(owner) ? 1 : 0; };
  return setting;
}

/// A whole number, of 32 bits.
template <auto Member>
constexpr Setting count(Setting setting) {
  using Place = MemberAccess<Member>;
  setting.kind = Kind::count;
  setting.read = [](const Setting&, const nlohmann::json& value, const std::string& pointer, void* owner,
                    Reading& reading) {
    if (const auto read = read_count(value, pointer, reading)) Place::set(owner, *read);
  };
  setting.write = [](const Setting&, const void* owner) -> nlohmann::json {
    if (Place::is_default(owner)) return {};
    if constexpr (kIsOptional<typename Place::Value>) {
      return *Place::of(owner);
    } else {
      return Place::of(owner);
    }
  };
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  setting.number = [](const void* owner) -> std::optional<std::int64_t> { return Place::of(owner); };
  setting.print = [](std::int64_t number) { return std::to_string(number); };
  return setting;
}

/// One of a few names, in the order of the enumeration's values.
template <auto Member>
constexpr Setting choice(Setting setting) {
  using Place = MemberAccess<Member>;
  setting.kind = Kind::choice;
  setting.read = [](const Setting& s, const nlohmann::json& value, const std::string& pointer, void* owner,
                    Reading& reading) {
    if (const auto read = read_choice(s, value, pointer, reading)) {
      Place::set(owner, static_cast<typename Place::Value>(*read));
    }
  };
  setting.write = [](const Setting& s, const void* owner) -> nlohmann::json {
    return Place::is_default(owner) ? nlohmann::json()
                                    : nlohmann::json(s.choices[static_cast<std::size_t>(Place::of(owner))]);
  };
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  return setting;
}

/// An object that is a struct of its own, or an optional one, with settings inside.
template <auto Member>
constexpr Setting object(Setting setting) {
  using Place = MemberAccess<Member>;
  setting.kind = Kind::object;
  setting.open = [](void* owner, bool& is_new) -> void* {
    if constexpr (kIsOptional<typename Place::Value>) {
      is_new = !Place::of(owner).has_value();
      return is_new ? &Place::of(owner).emplace() : &*Place::of(owner);
    } else {
      return &Place::of(owner);
    }
  };
  setting.look = [](const void* owner) -> const void* {
    if constexpr (kIsOptional<typename Place::Value>) {
      return Place::of(owner).has_value() ? &*Place::of(owner) : nullptr;
    } else {
      return &Place::of(owner);
    }
  };
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  return setting;
}

/// An object that is one alternative of a variant; to open it takes the place of any other.
template <auto Variant, typename Alternative>
constexpr Setting alternative_object(Setting setting) {
  using Place = AlternativeAccess<Variant, Alternative>;
  setting.kind = Kind::object;
  setting.open = [](void* owner, bool& is_new) -> void* {
    Alternative* held = Place::held(owner);
    is_new = held == nullptr;
    return is_new ? &Place::emplace(owner) : held;
  };
  setting.look = [](const void* owner) -> const void* { return Place::held(owner); };
  setting.reset = &Place::reset;
  setting.is_default = [](const void* owner) { return Place::held(owner) == nullptr; };
  return setting;
}

/// An object of JSON whose settings are members of the owner itself.
template <typename Owner>
constexpr Setting part(Setting setting) {
  setting.kind = Kind::object;
  setting.open = [](void* owner, bool&) { return owner; };
  setting.look = [](const void* owner) { return owner; };
  return setting;
}

}  // namespace wobble::api
