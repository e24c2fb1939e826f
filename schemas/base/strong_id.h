// Integer ids that do not mix: StrongId<struct ShardTag> never converts to StrongId<struct
// RuleTag>.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace rootnote {

template <typename Tag, typename Rep = uint32_t>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  // For vectors that are indexed by the id.
  constexpr size_t index() const { return static_cast<size_t>(value_); }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

  template <typename H>
  friend H AbslHashValue(H state, StrongId id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  Rep value_ = 0;
};

}  // namespace rootnote

template <typename Tag, typename Rep>
struct std::hash<rootnote::StrongId<Tag, Rep>> {
  size_t operator()(rootnote::StrongId<Tag, Rep> id) const { return std::hash<Rep>{}(id.value()); }
};
