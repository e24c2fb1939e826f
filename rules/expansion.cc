#include "rules/expansion.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/core.h"

#include "rules/diagnostic_codes.h"
#include "rules/expansion_tokens.h"
#include "rules/lexer.h"
#include "rules/promql/functions.h"

namespace rootnote {
namespace {

constexpr size_t kSourcesMax = 10'000;
constexpr size_t kTokensMax = 4'000'000;
constexpr size_t kNestedMax = 64;

// `use "…"` that stands outside of blocks.
std::vector<Token> UsesIn(const std::vector<Token>& tokens) {
  std::vector<Token> uses;
  size_t depth = 0;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    FollowBraces(tokens[i], depth);
    if (depth == 0 && IsWord(tokens[i], "use") && tokens[i + 1].kind == TokenKind::kString) {
      uses.push_back(tokens[i + 1]);
    }
  }
  return uses;
}

class PackReader {
 public:
  PackReader(std::vector<RuleSource>& sources, const CompileOptions& options,
             Diagnostics& diagnostics)
      : sources_(sources), options_(options), diagnostics_(diagnostics) {}

  void Run() {
    for (size_t i = 0; i < sources_.size(); ++i) Read(static_cast<uint32_t>(i));
    for (uint32_t i = 0; i < uses_.size(); ++i) Follow(i);
  }

 private:
  struct Edge {
    uint32_t to;
    Span span;
  };
  enum class State : uint8_t { kNew, kOpen, kDone };

  void Read(uint32_t index) {
    uses_.resize(sources_.size());
    if (sources_[index].text().find("use") == std::string_view::npos) return;
    Diagnostics ignored;  // the compiler lexes again, and says what is wrong
    for (const Token& use : UsesIn(Lex(sources_[index], index, ignored))) {
      if (!options_.read) {
        diagnostics_.Error(DiagnosticCode::kPackNotFound, index, use.span,
                           fmt::format("`{}` cannot be read here", use.text),
                           "packs are read from files: rootnote check FILE");
        continue;
      }
      absl::StatusOr<RuleSource> read = options_.read(use.text, sources_[index].name());
      if (read.ok()) {
        const uint32_t to = Add(*std::move(read));
        uses_[index].push_back({to, use.span});
        continue;
      }
      diagnostics_.Error(DiagnosticCode::kPackNotFound, index, use.span,
                         fmt::format("there is no pack `{}`", use.text),
                         std::string(read.status().message()));
    }
  }

  uint32_t Add(RuleSource read) {
    const auto at = std::find_if(sources_.begin(), sources_.end(), [&](const RuleSource& source) {
      return source.name() == read.name();
    });
    const auto index = static_cast<uint32_t>(at - sources_.begin());
    if (at == sources_.end() && sources_.size() < kSourcesMax) {
      sources_.push_back(std::move(read));
      uses_.emplace_back();
    }
    return index;
  }

  void Follow(uint32_t index) {
    if (state_[index] == State::kDone) return;
    state_[index] = State::kOpen;
    path_.push_back(index);
    for (const Edge& edge : uses_[index]) {
      if (edge.to >= uses_.size()) continue;
      if (state_[edge.to] == State::kOpen) {
        Report(index, edge);
      } else if (path_.size() < kNestedMax) {
        Follow(edge.to);
      }
    }
    path_.pop_back();
    state_[index] = State::kDone;
  }

  void Report(uint32_t index, const Edge& edge) {
    std::vector<std::string> names;
    for (auto at = std::find(path_.begin(), path_.end(), edge.to); at != path_.end(); ++at) {
      names.push_back(sources_[*at].name());
    }
    names.push_back(sources_[edge.to].name());
    diagnostics_.Error(DiagnosticCode::kReuseCycle, index, edge.span,
                       "packs use each other: " + ChainText(names),
                       "take what both need into a third one");
  }

  std::vector<RuleSource>& sources_;
  const CompileOptions& options_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<Edge>> uses_;  // by source
  std::map<uint32_t, State> state_;
  std::vector<uint32_t> path_;
};

// Puts definitions where they are called.
class Definitions {
 public:
  explicit Definitions(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void Collect(uint32_t source, const std::vector<Token>& tokens) {
    size_t depth = 0;
    for (size_t i = 0; i + 2 < tokens.size(); ++i) {
      FollowBraces(tokens[i], depth);
      if (depth > 0 || !IsWord(tokens[i], "def")) continue;
      const std::optional<MacroHead> head = ReadMacroHead(tokens, i);
      if (!head || tokens[head->end].kind != TokenKind::kAssign) continue;
      if (promql::FindFunction(head->name.text) != nullptr) {
        diagnostics_.Error(DiagnosticCode::kDeclaredTwice, source, head->name.span,
                           fmt::format("`{}` is a function of PromQL", head->name.text),
                           "give the definition another name");
        continue;
      }
      const size_t end = ExpressionEnd(tokens, head->end + 1);
      Definition definition;
      definition.parameters = head->parameters;
      definition.body.assign(tokens.begin() + static_cast<ptrdiff_t>(head->end + 1),
                             tokens.begin() + static_cast<ptrdiff_t>(end));
      definitions_.try_emplace(head->name.text, std::move(definition));
    }
  }

  bool empty() const { return definitions_.empty(); }

  std::vector<Token> Apply(uint32_t source, const std::vector<Token>& tokens) {
    source_ = source;
    std::vector<Token> out;
    for (size_t i = 0; i < tokens.size();) {
      // The head of a definition is no call of it.
      const bool head = i > 0 && IsWord(tokens[i - 1], "def");
      if (head) path_ = {tokens[i].text};
      if (i > 0 && tokens[i].newline_before) path_.clear();
      if (head || !Call(tokens, i, out)) out.push_back(tokens[i++]);
    }
    return out;
  }

 private:
  struct Definition {
    std::vector<std::string> parameters;
    std::vector<Token> body;
  };

  // A call at `at`: its expansion goes to `out`, `at` behind it.
  bool Call(const std::vector<Token>& tokens, size_t& at, std::vector<Token>& out) {
    if (tokens[at].kind != TokenKind::kIdentifier || at + 1 >= tokens.size() ||
        tokens[at + 1].kind != TokenKind::kLeftParen) {
      return false;
    }
    const auto found = definitions_.find(tokens[at].text);
    if (found == definitions_.end()) return false;
    const std::optional<Arguments> arguments = ReadArguments(tokens, at + 1);
    if (!arguments) return false;
    const Span span{tokens[at].span.begin,
                    std::max(tokens[at].span.end, tokens[arguments->end - 1].span.end)};
    const std::string& name = found->first;
    const Definition& definition = found->second;
    at = arguments->end;
    if (!Sensible(name, definition, *arguments, span)) {
      out.push_back(VectorToken(span));
      return true;
    }
    std::vector<std::vector<Token>> values;
    for (const std::vector<Token>& list : arguments->lists) values.push_back(Inner(list));
    std::vector<Token> body = definition.body;
    for (Token& token : body) token.span = span;
    path_.push_back(name);
    // Calls in the body first: those in the arguments have been put in already.
    body = ReplaceParameters(Inner(body), definition.parameters, values);
    path_.pop_back();
    out.push_back(TokenOf(TokenKind::kLeftParen, span));
    out.insert(out.end(), body.begin(), body.end());
    out.push_back(TokenOf(TokenKind::kRightParen, span));
    made_ += body.size();
    return true;
  }

  std::vector<Token> Inner(const std::vector<Token>& tokens) {
    std::vector<Token> out;
    for (size_t i = 0; i < tokens.size();) {
      if (!Call(tokens, i, out)) out.push_back(tokens[i++]);
    }
    return out;
  }

  bool Sensible(const std::string& name, const Definition& definition, const Arguments& arguments,
                Span span) {
    if (arguments.lists.size() != definition.parameters.size()) {
      diagnostics_.Error(DiagnosticCode::kArgumentCount, source_, span,
                         fmt::format("`{}` takes {} arguments, not {}", name,
                                     definition.parameters.size(), arguments.lists.size()),
                         "as many as the definition has parameters");
      return false;
    }
    const auto again = std::find(path_.begin(), path_.end(), name);
    if (again != path_.end()) {
      std::vector<std::string> chain(again, path_.end());
      chain.push_back(name);
      diagnostics_.Error(DiagnosticCode::kReuseCycle, source_, span,
                         "definitions use each other: " + ChainText(chain),
                         "let one of them be written out");
      return false;
    }
    if (path_.size() >= kNestedMax || made_ > kTokensMax) {
      diagnostics_.Error(DiagnosticCode::kBadAmount, source_, span,
                         "definitions that become too large", "write some of it out");
      return false;
    }
    return true;
  }

  Diagnostics& diagnostics_;
  std::map<std::string, Definition, std::less<>> definitions_;
  std::vector<std::string> path_;
  uint32_t source_ = 0;
  size_t made_ = 0;
};

}  // namespace

void ReadPacks(std::vector<RuleSource>& sources, const CompileOptions& options,
               Diagnostics& diagnostics) {
  PackReader(sources, options, diagnostics).Run();
}

std::vector<ExpandedFile> Expand(const std::vector<RuleSource>& sources,
                                 std::vector<std::vector<Token>> tokens, Diagnostics& diagnostics) {
  std::vector<ExpandedFile> files = InstantiateTemplates(sources, std::move(tokens), diagnostics);
  Definitions definitions(diagnostics);
  for (const ExpandedFile& file : files) definitions.Collect(file.source, file.tokens);
  if (definitions.empty()) return files;
  for (ExpandedFile& file : files) file.tokens = definitions.Apply(file.source, file.tokens);
  return files;
}

}  // namespace rootnote
