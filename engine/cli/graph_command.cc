#include <algorithm>

#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/terminal.h"

namespace rootnote {
namespace {

std::string Families(const Relation& relation) {
  std::vector<std::string> words;
  for (const CarriedFamily& carried : relation.carries) {
    words.push_back(carried.from == carried.to
                        ? std::string(Name(carried.from))
                        : fmt::format("{} as {}", Name(carried.from), Name(carried.to)));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? "\\n" : std::string(1, c);
  }
  return quoted + '"';
}

// Kinds as boxes, relations as arrows from what depends to what it depends on, faults beside the
// kind that they are on with dotted arrows to where they show.
class Graph {
 public:
  Graph(const Program& program, bool mermaid) : program_(program), mermaid_(mermaid) {}

  std::string Text() {
    text_ = mermaid_ ? "graph LR\n" : "digraph rootnote {\n  rankdir=LR;\n  node [shape=box];\n";
    for (const Kind& kind : program_.kinds) {
      Node("kind_" + kind.name, kind.name, fmt::format("{}", fmt::join(kind.identity, ", ")),
           false);
    }
    for (const Relation& relation : program_.relations) {
      for (const KindId from : relation.from_kinds) {
        for (const KindId to : relation.to_kinds) {
          Edge("kind_" + program_.kind(from).name, "kind_" + program_.kind(to).name, relation.name,
               Families(relation), false);
        }
      }
    }
    for (const Fault& fault : program_.faults) AddFault(fault);
    if (!mermaid_) text_ += "}\n";
    return std::move(text_);
  }

 private:
  void AddFault(const Fault& fault) {
    const std::string id = "fault_" + fault.name;
    Node(id, fault.name, "fault", true);
    Edge("kind_" + program_.kind(fault.kind).name, id, "", "", true);
    std::vector<std::pair<std::string, std::string>> shown;  // kind, what
    for (const Effect& effect : fault.causes) {
      if (effect.family_on) {
        shown.emplace_back(program_.kind(effect.family_on->second).name,
                           Name(effect.family_on->first));
      } else if (effect.signal && program_.signal(*effect.signal).kind) {
        const Signal& signal = program_.signal(*effect.signal);
        shown.emplace_back(program_.kind(*signal.kind).name, signal.name);
      }
    }
    for (const auto& [kind, what] : shown) Edge(id, "kind_" + kind, what, "", true);
  }

  void Node(const std::string& id, const std::string& name, const std::string& detail, bool round) {
    if (mermaid_) {
      text_ += fmt::format("  {}{}\"{}<br/>{}\"{}\n", id, round ? "([" : "[", name, detail,
                           round ? "])" : "]");
    } else {
      text_ += fmt::format("  {} [label={}{}];\n", Quoted(id), Quoted(name + "\n" + detail),
                           round ? ", shape=ellipse" : "");
    }
  }

  void Edge(const std::string& from, const std::string& to, const std::string& name,
            const std::string& detail, bool dotted) {
    if (mermaid_) {
      const std::string label = detail.empty() ? name : name + "<br/>" + detail;
      text_ += label.empty()
                   ? fmt::format("  {} {} {}\n", from, dotted ? "-.-" : "---", to)
                   : fmt::format("  {} {}|\"{}\"| {}\n", from, dotted ? "-.->" : "-->", label, to);
    } else {
      const std::string label = detail.empty() ? name : name + "\n" + detail;
      text_ += fmt::format("  {} -> {} [label={}{}{}];\n", Quoted(from), Quoted(to), Quoted(label),
                           dotted ? ", style=dotted" : "", name.empty() ? ", dir=none" : "");
    }
  }

  const Program& program_;
  const bool mermaid_;
  std::string text_;
};

}  // namespace

int RunGraph(const GraphArguments& arguments) {
  absl::StatusOr<std::vector<RuleSource>> sources = ReadRuleFiles(arguments.paths);
  if (!sources.ok()) return PrintFailure(sources.status());
  const CompileResult result = Compile(*std::move(sources), WithPacks());
  if (!PrintDiagnostics(result, Terminal(stderr))) return kExitFindings;
  Terminal(stdout).Print(Graph(*result.program, arguments.format == "mermaid").Text());
  return kExitOk;
}

}  // namespace rootnote
