// Whether a build may be measured, what the process took, and what it weighs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <time.h>

namespace rootnote::bench {

// Why this build must not be measured; "" when it may.
inline std::string Unfit() {
#ifdef ROOTNOTE_ASSERTS
  return "asserts are on";
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "it is sanitized";
#elif !defined(__OPTIMIZE__)
  return "it is not optimised";
#else
  return "";
#endif
}

// Processor time of this process so far: all here is one thread's work, and a busy machine does not
// change it.
inline double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Resident memory now and at its highest, in MiB, from /proc/self/status.
struct Resident {
  int64_t now = 0, peak = 0;
};

inline Resident ResidentMiB() {
  Resident resident;
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    int64_t kib = 0;
    words >> name >> kib;
    if (name == "VmRSS:") resident.now = kib / 1024;
    if (name == "VmHWM:") resident.peak = kib / 1024;
  }
  return resident;
}

}  // namespace rootnote::bench
