// Incident records in the form that a ticketing system takes, by mapping files: those of
// schemas/projections are built in; docs/formats.md says how one is written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/base/status.h"

namespace rootnote {

// The names of the built-in mappings, ascending: what `route … as NAME` may say.
std::vector<std::string> ProjectionNames();

// A mapping, read once. Immutable, any thread.
class Projection {
 public:
  // From the text of a mapping file. InvalidArgument says what is wrong, and where.
  static absl::StatusOr<Projection> Parse(std::string_view text);
  // NotFound for a name that is not among ProjectionNames().
  static absl::StatusOr<Projection> BuiltIn(std::string_view name);

  // One line of JSON from a record as EncodeIncident wrote it. Same record, same bytes.
  std::string Apply(std::string_view record) const;

 private:
  class Mapping;
  explicit Projection(std::shared_ptr<const Mapping> mapping) : mapping_(std::move(mapping)) {}

  std::shared_ptr<const Mapping> mapping_;
};

}  // namespace rootnote
