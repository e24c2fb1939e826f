#include "engine/cli/stop_signals.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <unistd.h>

namespace rootnote {
namespace {

using ::testing::ElementsAre;

// Before any test has begun a thread, as main does: one that other tests left behind with the
// signals open would take them, and end the process.
[[maybe_unused]] const bool kBlocked = [] {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0;
}();

class StopSignalsTest : public ::testing::Test {
 protected:
  SignalCalls Calls() {
    SignalCalls calls;
    calls.stop = [this](int signal) { Note("stop " + std::to_string(signal)); };
    calls.stop_again = [this](int signal) { Note("again " + std::to_string(signal)); };
    calls.overdue = [this] { Note("overdue"); };
    calls.reload = [this] { Note("reload"); };
    return calls;
  }

  void Note(std::string what) {
    const std::lock_guard lock(mutex_);
    noted_.push_back(std::move(what));
    changed_.notify_all();
  }

  // What was called, when there are so many.
  std::vector<std::string> Noted(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return noted_.size() >= count; });
    return noted_;
  }

  static void Send(int signal) { kill(getpid(), signal); }

  StopSignals signals_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> noted_;
};

TEST_F(StopSignalsTest, EachSignalHasItsCall) {
  signals_.Watch(Calls());
  Send(SIGHUP);
  EXPECT_THAT(Noted(1), ElementsAre("reload"));
  Send(SIGHUP);
  EXPECT_THAT(Noted(2), ElementsAre("reload", "reload"));
  Send(SIGTERM);
  EXPECT_THAT(Noted(3), ElementsAre("reload", "reload", "stop 15"));
  // While it stops: no reload any more, and the next one is another call.
  Send(SIGHUP);
  Send(SIGINT);
  EXPECT_THAT(Noted(4), ElementsAre("reload", "reload", "stop 15", "again 2"));
  signals_.Release();
}

TEST_F(StopSignalsTest, AStopThatTakesTooLongIsTold) {
  signals_.Watch(Calls(), Millis(1));
  Send(SIGINT);
  EXPECT_THAT(Noted(2), ElementsAre("stop 2", "overdue"));
  Send(SIGTERM);
  EXPECT_THAT(Noted(3), ElementsAre("stop 2", "overdue", "again 15"));
}

TEST_F(StopSignalsTest, WhatComesBeforeWatchWaits) {
  Send(SIGTERM);
  signals_.Watch(Calls());
  EXPECT_THAT(Noted(1), ElementsAre("stop 15"));
}

TEST_F(StopSignalsTest, AfterReleaseNothingIsCalled) {
  signals_.Watch(Calls());
  signals_.Release();
  Send(SIGHUP);
  EXPECT_TRUE(noted_.empty());
  signals_.Watch(Calls());
  EXPECT_THAT(Noted(1), ElementsAre("reload"));
}

TEST_F(StopSignalsTest, AForeignWakeUpEndsNothing) {
  signals_.Watch(Calls());
  Send(SIGUSR1);
  Send(SIGHUP);
  EXPECT_THAT(Noted(1), ElementsAre("reload"));
}

TEST_F(StopSignalsTest, CallsMayBeLeftOut) {
  SignalCalls calls;
  calls.overdue = [this] { Note("overdue"); };
  signals_.Watch(calls, Millis(0));
  Send(SIGHUP);
  Send(SIGTERM);
  EXPECT_THAT(Noted(1), ElementsAre("overdue"));
}

}  // namespace
}  // namespace rootnote
