#include "engine/cli/stop_signals.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

namespace rootnote {
namespace {

using Clock = std::chrono::steady_clock;

// The next signal of the set; 0 when the deadline is over.
int NextSignal(const sigset_t& set, std::optional<Clock::time_point> deadline) {
  while (true) {
    int signal = 0;
    if (!deadline) {
      if (sigwait(&set, &signal) == 0) return signal;
      continue;
    }
    const auto left = std::max(Clock::duration::zero(), *deadline - Clock::now());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timespec wait{};
    wait.tv_sec = seconds.count();
    wait.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count();
    signal = sigtimedwait(&set, nullptr, &wait);
    if (signal > 0) return signal;
    if (errno == EAGAIN) return 0;
  }
}

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, &before_);
  signal(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  Release();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopSignals::Watch(SignalCalls calls, Millis drain) {
  Release();
  released_ = false;
  thread_ = std::thread([this, calls = std::move(calls), drain] { Run(calls, drain); });
}

void StopSignals::Run(const SignalCalls& calls, Millis drain) {
  bool stopping = false;
  std::optional<Clock::time_point> deadline;
  while (true) {
    const int signal = NextSignal(set_, deadline);
    if (signal == SIGUSR1) {  // ours, from Release; anyone else's means nothing
      if (released_) return;
    } else if (signal == 0) {
      deadline.reset();
      if (calls.overdue) calls.overdue();
    } else if (signal == SIGHUP) {
      if (!stopping && calls.reload) calls.reload();
    } else if (stopping) {
      if (calls.stop_again) calls.stop_again(signal);
    } else {
      stopping = true;
      deadline = Clock::now() + drain;
      if (calls.stop) calls.stop(signal);
    }
  }
}

void StopSignals::Release() {
  if (!thread_.joinable()) return;
  released_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

}  // namespace rootnote
