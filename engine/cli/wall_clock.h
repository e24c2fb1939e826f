// The wall clock, for live runs only: passed down as a function, never read below.
#pragma once

#include "schemas/base/time.h"

namespace rootnote {

inline EventTime WallClock() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

}  // namespace rootnote
