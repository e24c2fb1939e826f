// For calls that may never return. Private to connectors/kafka.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "schemas/base/time.h"

namespace rootnote {

// Calls back, once, when what is watched is not done in time.
class Watchdog {
 public:
  Watchdog(Millis limit, std::function<void(std::string)> bite);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // What is being done, or null for nothing; the deadline begins when that changes.
  void Watch(const char* what);

 private:
  void Run();

  const Millis limit_;
  const std::function<void(std::string)> bite_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  const char* what_ = nullptr;
  std::chrono::steady_clock::time_point deadline_;
  bool bitten_ = false;
  bool ended_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace rootnote
