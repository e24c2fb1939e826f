// A client for a few questions, asked until they are answered or the time is up. Private to
// connectors/kafka.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/kafka/client.h"
#include "connectors/kafka/source.h"
#include "schemas/base/status.h"

namespace rootnote {

class Enquiry : private ClientEvents {
 public:
  using Listener = std::function<void(const KafkaLog&)>;

  // A consumer of committed records that joins no group. `log` may be empty.
  static absl::StatusOr<std::unique_ptr<Enquiry>> Open(
      const std::map<std::string, std::string>& properties, Millis timeout, Listener log);
  ~Enquiry() override;

  rd_kafka_s* client() { return client_; }
  const std::string& group() const { return group_; }

  // For one try.
  Millis TryTimeout() const;
  bool TimeIsUp() const { return std::chrono::steady_clock::now() >= deadline_; }
  // DeadlineExceeded, with the last words of the client's.
  absl::Status OutOfTime(std::string_view what) const;
  // Asks again while the answer is Unavailable; what it says is logged once.
  absl::Status Insist(std::string_view what, const std::function<absl::Status()>& ask);
  void Say(int level, const std::string& message);

 private:
  Enquiry(Millis timeout, Listener log);

  void Log(const KafkaLog& log) override;
  void Error(int code, std::string_view reason, bool fatal) override;

  const Millis timeout_;
  const Listener log_;
  const std::chrono::steady_clock::time_point deadline_;
  std::string group_, servers_;
  std::string last_error_;
  rd_kafka_s* client_ = nullptr;
};

}  // namespace rootnote
