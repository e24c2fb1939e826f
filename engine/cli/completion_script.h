// Completion scripts for shells, from what the command line itself declares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rootnote {

struct OptionWords {
  std::vector<std::string> names;  // "--format", "-c"; none: what stands without a name
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  // all that are allowed; empty: anything, most often a path
};

struct CommandWords {
  std::string name, help;
  std::vector<OptionWords> options;
};

// `shell` is bash, zsh or fish.
std::string CompletionScript(std::string_view shell, const std::vector<CommandWords>& commands);

}  // namespace rootnote
