#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "fmt/core.h"

#include "rules/expansion_tokens.h"
#include "rules/scope.h"

namespace rootnote {
namespace {

constexpr size_t kNestedMax = 16;
constexpr size_t kInstancesMax = 10'000;

struct TemplateBody {
  uint32_t source = 0;
  std::vector<std::string> parameters;
  std::vector<Token> body;  // with kEnd
};

// dns, "dns eu" and 99.9% as parts of a name: dns, dns_eu, 99_9.
std::string NamePart(const std::vector<Token>& argument, std::string_view written) {
  std::string part;
  const bool named = argument.size() == 1 && (argument[0].kind == TokenKind::kString ||
                                              argument[0].kind == TokenKind::kIdentifier);
  for (const char c : named ? std::string_view(argument[0].text) : written) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain) part += c;
    if (!plain && !part.empty() && part.back() != '_') part += '_';
  }
  while (!part.empty() && part.back() == '_') part.pop_back();
  return part;
}

bool IsNumber(const std::vector<Token>& argument) {
  return !argument.empty() && argument[0].kind != TokenKind::kString &&
         argument[0].kind != TokenKind::kIdentifier;
}

class Instances {
 public:
  Instances(const std::vector<RuleSource>& sources, Diagnostics& diagnostics)
      : sources_(sources), diagnostics_(diagnostics) {}

  std::vector<ExpandedFile> Run(std::vector<std::vector<Token>> tokens) {
    for (uint32_t i = 0; i < tokens.size(); ++i) tokens[i] = TakeTemplates(i, tokens[i]);
    for (uint32_t i = 0; i < tokens.size(); ++i) {
      const size_t at = files_.size();
      files_.push_back({i, {}});
      std::vector<Token> rest = TakeInstances(i, tokens[i]);
      files_[at].tokens = std::move(rest);
    }
    return std::move(files_);
  }

 private:
  // Remembers the templates of a file; the file without them.
  std::vector<Token> TakeTemplates(uint32_t source, const std::vector<Token>& tokens) {
    std::vector<Token> rest;
    size_t depth = 0;
    for (size_t i = 0; i < tokens.size();) {
      const size_t end =
          depth == 0 && IsWord(tokens[i], "template") ? TakeTemplate(source, tokens, i) : i;
      if (end > i) {
        i = end;
        continue;
      }
      FollowBraces(tokens[i], depth);
      rest.push_back(tokens[i++]);
    }
    return rest;
  }

  // The token behind the template at `at`; `at` itself if it is none, which the parser then says.
  size_t TakeTemplate(uint32_t source, const std::vector<Token>& tokens, size_t at) {
    const std::optional<MacroHead> head = ReadMacroHead(tokens, at);
    if (!head || tokens[head->end].kind != TokenKind::kLeftBrace) return at;
    size_t end = head->end, depth = 0;
    do {
      if (tokens[end].kind == TokenKind::kEnd) return at;
      FollowBraces(tokens[end], depth);
      ++end;
    } while (depth > 0);
    TemplateBody rule;
    rule.source = source;
    rule.parameters = head->parameters;
    rule.body.assign(tokens.begin() + static_cast<ptrdiff_t>(head->end + 1),
                     tokens.begin() + static_cast<ptrdiff_t>(end - 1));
    const bool empty = rule.body.size() == 1 && rule.body[0].kind == TokenKind::kEllipsis;
    if (empty) rule.body.clear();
    rule.body.push_back(TokenOf(TokenKind::kEnd, tokens[end - 1].span));
    for (const Token& token : rule.body) {
      if (!IsWord(token, "template")) continue;
      diagnostics_.Error(DiagnosticCode::kBlocksTooDeep, source, token.span,
                         "a template within a template", "take the inner one out");
    }
    if (!templates_.try_emplace(head->name.text, std::move(rule)).second) {
      diagnostics_.Error(DiagnosticCode::kDeclaredTwice, source, head->name.span,
                         fmt::format("the template `{}` is declared twice", head->name.text),
                         "rename one of them");
    }
    return end;
  }

  // Makes the instances that a file asks for; the file without them.
  std::vector<Token> TakeInstances(uint32_t source, const std::vector<Token>& tokens) {
    std::vector<Token> rest;
    size_t depth = 0;
    for (size_t i = 0; i < tokens.size();) {
      FollowBraces(tokens[i], depth);
      const bool call = depth == 0 && tokens[i].kind == TokenKind::kIdentifier &&
                        i + 1 < tokens.size() && tokens[i + 1].kind == TokenKind::kLeftParen &&
                        Begins(tokens, i);
      const std::optional<Arguments> arguments = call ? ReadArguments(tokens, i + 1) : std::nullopt;
      if (!arguments) {
        if (depth == 0 && IsWord(tokens[i], "def")) {
          i = CopyDefinition(tokens, i, rest);
          continue;
        }
        rest.push_back(tokens[i++]);
        continue;
      }
      Make(source, tokens[i], *arguments, tokens[arguments->end - 1].span);
      i = arguments->end;
    }
    return rest;
  }

  // Definitions are full of calls that are none of templates.
  static size_t CopyDefinition(const std::vector<Token>& tokens, size_t at,
                               std::vector<Token>& rest) {
    const std::optional<MacroHead> head = ReadMacroHead(tokens, at);
    const bool whole = head && tokens[head->end].kind == TokenKind::kAssign;
    const size_t end = whole ? ExpressionEnd(tokens, head->end + 1) : at + 1;
    rest.insert(rest.end(), tokens.begin() + static_cast<ptrdiff_t>(at),
                tokens.begin() + static_cast<ptrdiff_t>(end));
    return end;
  }

  // A declaration begins there: not the list of kinds of some other one.
  static bool Begins(const std::vector<Token>& tokens, size_t at) {
    return at == 0 || tokens[at].newline_before || tokens[at - 1].kind == TokenKind::kRightBrace ||
           tokens[at - 1].kind == TokenKind::kRightParen ||
           tokens[at - 1].kind == TokenKind::kString;
  }

  void Make(uint32_t source, const Token& name, const Arguments& arguments, Span last) {
    const Span span{name.span.begin, std::max(name.span.end, last.end)};
    const auto found = templates_.find(name.text);
    if (found == templates_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, rule] : templates_) names.push_back(known);
      diagnostics_.Error(DiagnosticCode::kUnknownTemplate, source, name.span,
                         fmt::format("there is no template `{}`", name.text),
                         Suggest(name.text, names, "declare it: template NAME(…) { … }"));
      return;
    }
    const TemplateBody& rule = found->second;
    if (rule.parameters.size() != arguments.lists.size()) {
      diagnostics_.Error(DiagnosticCode::kArgumentCount, source, span,
                         fmt::format("`{}` takes {} arguments, not {}", name.text,
                                     rule.parameters.size(), arguments.lists.size()),
                         "as many as the template has parameters");
      return;
    }
    if (const auto again = std::find(path_.begin(), path_.end(), name.text); again != path_.end()) {
      std::vector<std::string> chain(again, path_.end());
      chain.push_back(name.text);
      diagnostics_.Error(DiagnosticCode::kReuseCycle, source, span,
                         "templates use each other: " + ChainText(chain),
                         "let one of them be written out");
      return;
    }
    if (path_.size() >= kNestedMax || files_.size() > kInstancesMax) {
      diagnostics_.Error(DiagnosticCode::kBadAmount, source, span,
                         "templates that become too large", "write some of it out");
      return;
    }
    Fill(source, name.text, rule, arguments);
  }

  void Fill(uint32_t source, const std::string& name, const TemplateBody& rule,
            const Arguments& arguments) {
    std::vector<std::vector<Token>> values = arguments.lists;
    std::string part, numbers;
    for (std::vector<Token>& value : values) {
      if (value.empty()) continue;
      const std::string_view written =
          sources_[source].Text({value.front().span.begin, value.back().span.end});
      const std::string own = NamePart(value, written);
      std::string& into = IsNumber(value) ? numbers : part;
      if (!own.empty()) into += "_" + own;
      // What stands for the value in a text.
      if (value.size() == 1 && value[0].text.empty()) value[0].text = std::string(written);
    }
    std::vector<Token> body = Rename(rule.body, part.empty() ? numbers : part);
    const Token end = body.back();
    body.pop_back();
    body = ReplaceParameters(body, rule.parameters, values);
    for (Token& token : body) {
      const bool number = token.kind == TokenKind::kNumber || token.kind == TokenKind::kQuantity ||
                          token.kind == TokenKind::kDuration;
      if (number && token.text.find_first_of("0123456789") != std::string::npos) token.text.clear();
    }
    body.push_back(end);
    path_.push_back(name);
    const size_t at = files_.size();
    files_.push_back({rule.source, {}});
    std::vector<Token> rest = TakeInstances(rule.source, body);
    files_[at].tokens = std::move(rest);
    path_.pop_back();
  }

  // What a template declares gets the name of the instance: burn_dns. So do the places in the body
  // that mean it.
  static std::vector<Token> Rename(std::vector<Token> body, const std::string& part) {
    std::set<std::string> names;
    size_t depth = 0;
    for (size_t i = 0; i + 1 < body.size(); ++i) {
      FollowBraces(body[i], depth);
      if (depth > 0) continue;
      const bool named =
          IsWord(body[i], "signal") || IsWord(body[i], "fault") || IsWord(body[i], "def");
      if (named && body[i + 1].kind == TokenKind::kIdentifier) names.insert(body[i + 1].text);
      const bool titled = IsWord(body[i], "test") || IsWord(body[i], "maintenance");
      if (titled && body[i + 1].kind == TokenKind::kString && !part.empty()) {
        body[i + 1].text += " (" + part.substr(1) + ")";
      }
    }
    const std::vector<bool> labels = LabelPositions(body);
    for (size_t i = 0; i < body.size(); ++i) {
      if (body[i].kind != TokenKind::kIdentifier || labels[i]) continue;
      if (names.contains(body[i].text)) body[i].text += part;
    }
    return body;
  }

  const std::vector<RuleSource>& sources_;
  Diagnostics& diagnostics_;
  std::map<std::string, TemplateBody> templates_;
  std::vector<std::string> path_;
  std::vector<ExpandedFile> files_;
};

}  // namespace

std::vector<ExpandedFile> InstantiateTemplates(const std::vector<RuleSource>& sources,
                                               std::vector<std::vector<Token>> tokens,
                                               Diagnostics& diagnostics) {
  return Instances(sources, diagnostics).Run(std::move(tokens));
}

}  // namespace rootnote
