// What `replay` and `explain` set up from their flags.
#pragma once

#include <memory>
#include <vector>

#include "connectors/file/source.h"
#include "engine/cli/commands.h"
#include "engine/pipeline.h"
#include "rules/program.h"
#include "schemas/base/status.h"

namespace rootnote {

struct ReplaySetup {
  std::shared_ptr<const Program> program;
  std::vector<FileInput> files;  // topology and control first
  PipelineOptions options;
};

// OutOfRange: a flag; InvalidArgument: the rules or the configuration; NotFound: a file.
absl::StatusOr<ReplaySetup> PrepareReplay(const ReplayArguments& arguments);

}  // namespace rootnote
