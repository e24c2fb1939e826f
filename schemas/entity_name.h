// Names of entities and relations as records write them: `kind:id`, `disk:a1/d7`; inside a part of
// an id `/`, `:` and `%` are percent-encoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemas/schema.h"

namespace rootnote {

// Letters, digits and `_`, no digit in front: names of kinds and relations.
bool IsIdentifier(std::string_view word);

// The name with its percent-encodings in capitals ("%2f" and "%2F" are one entity), or nullopt with
// the reason in `*why`.
std::optional<std::string> ReadEntityName(std::string_view name, std::string* why);

// What a null value deletes on a compacted topology topic: the record's key is `vm:web1` or
// `runs_on|app:shop|vm:web1`. nullopt with the reason in `*why`.
std::optional<TopologyChange> ReadDeletedKey(std::string_view key, std::string* why);

}  // namespace rootnote
