// What librdkafka's errors of transactions mean. Private to connectors/kafka.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schemas/base/status.h"

struct rd_kafka_error_s;

namespace rootnote {

enum class ErrorClass : uint8_t { kRetriable, kAbortable, kFatal };

struct TransactionError {
  ErrorClass error_class = ErrorClass::kFatal;
  int32_t code = 0;  // librdkafka's
  std::string message;
};

// Destroys the error; nothing when there was none.
std::optional<TransactionError> TakeError(rd_kafka_error_s* error, const char* what);

// After a fatal error: another producer has our transactional.id, or the broker has ended a
// transaction that lasted longer than transaction.timeout.ms.
bool IsProducerFenced(int32_t code);
// Our member is not in the group any more.
bool IsMemberFenced(int32_t code);
// The group shares out anew: our generation is of yesterday.
bool IsGroupChanging(int32_t code);
// FailedPrecondition.
absl::Status FencedError(const std::string& message);

// PermissionDenied that says what is needed, if the code is one of authorisation.
std::optional<absl::Status> Unauthorised(int32_t code, const std::string& message);

// The producer lives on, the transaction must be aborted: FailedPrecondition, PermissionDenied, or
// Aborted.
absl::Status AbortableError(int32_t code, const std::string& message);

}  // namespace rootnote
