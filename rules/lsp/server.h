// The language server: messages in, messages out. It keeps the open documents, and does no input or
// output itself. Thread: one.
// Source: Microsoft, "Language Server Protocol Specification 3.17".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/compiler.h"
#include "rules/source.h"

namespace rootnote {

struct LanguageServerOptions {
  std::string version;
  // The rule files in the folder of the file at `path`, without it. May be empty.
  std::function<std::vector<RuleSource>(const std::string& path)> neighbours;
  // How `use` and `import` read.
  CompileOptions compile;
};

class LanguageServer {
 public:
  explicit LanguageServer(LanguageServerOptions options);
  ~LanguageServer();

  // What one message (the JSON without its frame) is answered with, in order; never throws.
  std::vector<std::string> Receive(std::string_view message);

  // After `exit`: nothing more is to be read. The exit code is 0 if `shutdown` came before.
  bool exited() const;
  int exit_code() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace rootnote
