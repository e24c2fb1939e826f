// Who of the members of a group is the active one: the consumer group's coordinator decides, over
// a topic of one partition that nobody writes. The others stand by.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "connectors/kafka/source.h"
#include "schemas/base/status.h"

namespace rootnote {

struct KafkaElectionOptions {
  std::string topic;  // of one partition; who is given it holds the lock
  // As written; group.id among them. group.instance.id is passed on (static membership: a member
  // that is back within session.timeout.ms, 10 s when not given, has never been away).
  std::map<std::string, std::string> properties;
  // Called from librdkafka's threads too: must be thread-safe.
  std::function<void(const KafkaLog&)> log;
};

// A thread of its own keeps the membership alive. Without group.instance.id the member that joined
// first keeps the lock when others join; with it the group gives it to the least name.
class KafkaElection : public ConsumerGroup {
 public:
  // False at the latest when nothing has been heard of the group for session.timeout.ms, so that
  // two members never both believe in it for longer. Thread: any.
  virtual bool holds() const = 0;
  // OK as soon as holds() is `holding`. DeadlineExceeded; FailedPrecondition: thrown out for good,
  // another member has our group.instance.id, or closed. Thread: any.
  virtual absl::Status WaitFor(bool holding, Millis timeout) = 0;
  // Called once from the election's thread when holds() is found to be false, at once when it
  // already is; then it is forgotten. Empty: nothing is called, and the former call has returned.
  // `lost` must not call into the election.
  virtual void OnLost(std::function<void()> lost) = 0;
  // How often members of the group have changed since the start.
  virtual uint64_t rebalances() const = 0;
  // Leaves the group at once, a static member too: another takes over without waiting for the
  // session's end. Nothing is called afterwards. Thread: one caller.
  virtual void Close() = 0;
};

// InvalidArgument names the property that is missing or refused. Joins in the background: a broker
// that cannot be reached is tried again and again.
absl::StatusOr<std::unique_ptr<KafkaElection>> JoinElection(KafkaElectionOptions options);

}  // namespace rootnote
