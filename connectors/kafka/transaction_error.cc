#include "connectors/kafka/transaction_error.h"

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

namespace rootnote {

std::optional<TransactionError> TakeError(rd_kafka_error_s* error, const char* what) {
  if (error == nullptr) {
    return std::nullopt;
  }
  TransactionError taken;
  if (rd_kafka_error_is_fatal(error) != 0) {
    taken.error_class = ErrorClass::kFatal;
  } else if (rd_kafka_error_txn_requires_abort(error) != 0) {
    taken.error_class = ErrorClass::kAbortable;
  } else if (rd_kafka_error_is_retriable(error) != 0) {
    taken.error_class = ErrorClass::kRetriable;
  }
  taken.code = rd_kafka_error_code(error);
  taken.message = fmt::format("Kafka: {}: {} ({})", what, rd_kafka_error_string(error),
                              rd_kafka_error_name(error));
  rd_kafka_error_destroy(error);
  return taken;
}

bool IsProducerFenced(int32_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

bool IsMemberFenced(int32_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

bool IsGroupChanging(int32_t code) {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

absl::Status FencedError(const std::string& message) {
  return absl::FailedPreconditionError(
      fmt::format("{}: another member of the group is active", message));
}

std::optional<absl::Status> Unauthorised(int32_t code, const std::string& message) {
  const char* needs = nullptr;
  switch (code) {
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      needs = "Write and Describe on the transactional id";
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      needs = "Write and Describe on the topic";
      break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      needs = "Read on the group";
      break;
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      needs = "IdempotentWrite on the cluster";
      break;
    default:
      return std::nullopt;
  }
  return absl::PermissionDeniedError(fmt::format("{}: not authorised: needs {}", message, needs));
}

absl::Status AbortableError(int32_t code, const std::string& message) {
  // An epoch that is not valid any more is none of them: the abort asks for a new one, and fails
  // for good if there is another producer.
  if (IsMemberFenced(code)) {
    return FencedError(message);
  }
  return Unauthorised(code, message).value_or(absl::AbortedError(message));
}

}  // namespace rootnote
