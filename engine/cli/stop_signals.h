// The signals of the process, taken by a thread of their own so that no code runs inside one.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include <signal.h>

#include "schemas/base/time.h"

namespace rootnote {

// Called on the thread of StopSignals, one at a time. Empty ones are passed over.
struct SignalCalls {
  std::function<void(int signal)> stop;        // the first SIGTERM or SIGINT
  std::function<void(int signal)> stop_again;  // every further one
  std::function<void()> overdue;               // `drain` after `stop`, once
  std::function<void()> reload;                // SIGHUP; none after a stop
};

class StopSignals {
 public:
  // Blocks the signals in this thread and in all that it starts from now on, so make it before any
  // other thread. They wait until Watch. SIGPIPE is ignored.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  void Watch(SignalCalls calls, Millis drain = Millis(10'000));
  // After it none is called any more; what comes waits for the next Watch.
  void Release();

 private:
  void Run(const SignalCalls& calls, Millis drain);

  sigset_t set_{}, before_{};
  std::atomic<bool> released_ = false;
  std::thread thread_;
};

}  // namespace rootnote
