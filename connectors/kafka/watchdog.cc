#include "connectors/kafka/watchdog.h"

#include <utility>

#include "fmt/format.h"

namespace rootnote {

Watchdog::Watchdog(Millis limit, std::function<void(std::string)> bite)
    : limit_(limit), bite_(std::move(bite)), thread_([this] { Run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::Watch(const char* what) {
  const std::lock_guard lock(mutex_);
  if (what_ != what && what != nullptr) {
    deadline_ = std::chrono::steady_clock::now() + limit_;
    changed_.notify_all();
  }
  what_ = what;
}

void Watchdog::Run() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (what_ == nullptr || bitten_) {
      changed_.wait(lock);
    } else if (std::chrono::steady_clock::now() < deadline_) {
      changed_.wait_until(lock, deadline_);
    } else {
      bitten_ = true;
      const std::string message =
          fmt::format("Kafka: {} has not returned after {} ms", what_, limit_.count());
      lock.unlock();
      bite_(message);
      lock.lock();
    }
  }
}

}  // namespace rootnote
