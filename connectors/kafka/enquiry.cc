#include "connectors/kafka/enquiry.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

namespace rootnote {
namespace {

constexpr Millis kTry{2'000};
constexpr int kBetweenMs = 200;
constexpr int kSayTry = 3;  // what takes a moment only is not worth a line

}  // namespace

Enquiry::Enquiry(Millis timeout, Listener log)
    : timeout_(timeout),
      log_(std::move(log)),
      deadline_(std::chrono::steady_clock::now() + timeout) {}

absl::StatusOr<std::unique_ptr<Enquiry>> Enquiry::Open(
    const std::map<std::string, std::string>& properties, Millis timeout, Listener log) {
  std::unique_ptr<Enquiry> enquiry(new Enquiry(timeout, std::move(log)));
  ClientProperties all;
  all.given = properties;
  for (const char* name : {"group.instance.id", "statistics.interval.ms", "auto.offset.reset"}) {
    all.given.erase(name);
  }
  all.enforced = {{"enable.auto.commit", "false"},
                  {"enable.auto.offset.store", "false"},
                  {"enable.partition.eof", "true"},
                  {"isolation.level", "read_committed"},
                  {"check.crcs", "true"}};
  all.defaults = {{"client.id", "rootnote"},
                  {"group.id", "rootnote"},  // never joined
                  {"auto.offset.reset", "earliest"},
                  {"fetch.wait.max.ms", "100"},
                  {"reconnect.backoff.max.ms", "1000"}};
  const auto group = all.given.find("group.id");
  enquiry->group_ = group == all.given.end() ? "rootnote" : group->second;
  const auto servers = all.given.find("bootstrap.servers");
  enquiry->servers_ = servers == all.given.end() ? "" : servers->second;
  ASSIGN_OR_RETURN(Conf conf, MakeConf(all, *enquiry));
  ASSIGN_OR_RETURN(enquiry->client_, NewClient(false, std::move(conf)));
  rd_kafka_poll_set_consumer(enquiry->client_);
  return enquiry;
}

Enquiry::~Enquiry() {
  if (client_ != nullptr) {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
}

Millis Enquiry::TryTimeout() const {
  const auto left =
      std::chrono::duration_cast<Millis>(deadline_ - std::chrono::steady_clock::now());
  return std::clamp(left, Millis(1), kTry);
}

absl::Status Enquiry::OutOfTime(std::string_view what) const {
  return absl::DeadlineExceededError(fmt::format("Kafka at {}: {} not possible within {} ms{}{}",
                                                 servers_, what, timeout_.count(),
                                                 last_error_.empty() ? "" : ": ", last_error_));
}

absl::Status Enquiry::Insist(std::string_view what, const std::function<absl::Status()>& ask) {
  for (int tries = 1;; ++tries) {
    const absl::Status status = ask();
    if (!absl::IsUnavailable(status)) {
      return status;
    }
    // What the client says about its brokers tells more than that there was no answer.
    while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, kBetweenMs)) {
      rd_kafka_message_destroy(message);
      if (TimeIsUp()) {
        break;
      }
    }
    if (last_error_.empty()) {
      last_error_ = std::string(status.message());
    }
    if (TimeIsUp()) {
      return OutOfTime(what);
    }
    if (tries == kSayTry) {
      Say(4, fmt::format("{}: {}: trying again", what, last_error_));
    }
  }
}

void Enquiry::Say(int level, const std::string& message) { Log({level, "ROOTNOTE", message}); }

void Enquiry::Log(const KafkaLog& log) {
  if (log_) {
    log_(log);
  }
}

void Enquiry::Error(int code, std::string_view reason, bool /*fatal*/) {
  // That all brokers are down follows each reason and says less.
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last_error_.empty()) {
    last_error_ = std::string(reason);
  }
}

}  // namespace rootnote
