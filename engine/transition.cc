#include "engine/transition.h"

#include <string_view>
#include <tuple>

namespace rootnote {

std::string_view Name(SignalState state) {
  switch (state) {
    case SignalState::kInactive:
      return "inactive";
    case SignalState::kPending:
      return "pending";
    case SignalState::kFiring:
      return "firing";
  }
  return "inactive";
}

bool operator<(const Transition& a, const Transition& b) {
  return std::tie(a.time, a.signal, a.entity, a.relation_from) <
         std::tie(b.time, b.signal, b.entity, b.relation_from);
}

}  // namespace rootnote
