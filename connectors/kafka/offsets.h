// What the group has committed, and topics read once from one end to the other: what a member needs
// to know before it takes over.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "connectors/kafka/source.h"
#include "schemas/base/status.h"

namespace rootnote {

// The group's offsets in all partitions of `topics` (names, or patterns that begin with ^), those
// of a transaction that is still open waited for; ascending; partitions without one are left out,
// as are topics that do not exist. `properties` as for a consumer, group.id among them; the group
// is not joined. Errors that pass are tried again until `timeout`: then DeadlineExceeded, with the
// last of them. PermissionDenied names operation and resource; InvalidArgument the property.
absl::StatusOr<std::vector<CommitOffset>> ReadCommittedOffsets(
    const std::map<std::string, std::string>& properties, const std::vector<std::string>& topics,
    Millis timeout, const std::function<void(const KafkaLog&)>& log = {});

// Every committed record of a topic from its beginning to the end that is stable at the call, each
// partition in its order; views of a record are valid during its `visit`, which is called on this
// thread. A topic that does not exist is empty. Errors as above.
absl::Status ReadTopicWhole(const std::map<std::string, std::string>& properties,
                            const std::string& topic, Millis timeout,
                            const std::function<void(const Record&)>& visit,
                            const std::function<void(const KafkaLog&)>& log = {});

}  // namespace rootnote
