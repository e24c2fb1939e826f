#include "fmt/format.h"

#include "connectors/kafka/embedded.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/terminal.h"
#include "engine/cli/version.h"
#include "schemas/decoder.h"

namespace rootnote {

int RunVersion(const VersionArguments& arguments) {
  const Terminal out(stdout);
  out.Print(fmt::format("rootnote {}\n", kVersion));
  if (!arguments.features) return kExitOk;
  Table table;
  table.Row({"formats", fmt::format("{}", fmt::join(KnownFormats(), " "))});
  table.Row({"librdkafka", KafkaLibraryVersion()});
  table.Row({"kafka", fmt::format("{}", fmt::join(KafkaLibraryFeatures(), " "))});
  const std::string limits = KafkaLimits();
  table.Row({"kafka limits", limits.empty() ? "none" : limits});
  table.Row({"evaluator", "reference"});
#ifdef ROOTNOTE_ASSERTS
  table.Row({"asserts", "on"});
#else
  table.Row({"asserts", "off"});
#endif
  out.Print(table.Text());
  return kExitOk;
}

}  // namespace rootnote
