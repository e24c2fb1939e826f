#include "rules/scope.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"

#include "rules/token_reader.h"

namespace rootnote {
namespace {

// So many names are listed in a hint.
constexpr size_t kListedMax = 6;

template <typename Declaration>
std::vector<std::string> NamesOf(const std::vector<Declaration>& declarations) {
  std::vector<std::string> names;
  for (const Declaration& declaration : declarations) names.push_back(declaration.name);
  return names;
}

const std::vector<std::string>& FamilyWords() {
  static const std::vector<std::string> words = {"errors", "latency", "saturation", "traffic",
                                                 "down"};
  return words;
}

const std::vector<std::string>& SeverityWords() {
  static const std::vector<std::string> words = {"info", "warning", "major", "critical"};
  return words;
}

}  // namespace

std::string Suggest(std::string_view word, const std::vector<std::string>& candidates,
                    std::string otherwise) {
  const std::string near = DidYouMean(word, candidates);
  return near.empty() ? std::move(otherwise) : fmt::format("did you mean `{}`?", near);
}

bool Scope::IsDeclared(std::string_view what, const ast::Name& name) const {
  return declared_.contains(fmt::format("{} {}", what, name.text));
}

bool Scope::Declare(std::string_view what, const ast::Name& name) {
  const std::string key = fmt::format("{} {}", what, name.text);
  const auto [at, fresh] = declared_.try_emplace(key, PlaceOf(name.span));
  if (!fresh) {
    Error(DiagnosticCode::kDeclaredTwice, name.span,
          fmt::format("the {} `{}` is declared twice", what, name.text),
          fmt::format("the first one is at {}", Where(at->second)));
  }
  return fresh;
}

template <typename Declaration>
std::optional<size_t> Scope::Find(const std::vector<Declaration>& declarations, NameIndex& index,
                                  const ast::Name& name, DiagnosticCode code,
                                  std::string_view what) {
  for (; index.size < declarations.size(); ++index.size) {
    index.places.try_emplace(declarations[index.size].name, index.size);
  }
  if (const auto at = index.places.find(name.text); at != index.places.end()) return at->second;
  // A suggestion costs a look at every name; one that nobody sees is not made.
  if (diagnostics_.full()) {
    Error(code, name.span, fmt::format("there is no {} `{}`", what, name.text));
    return std::nullopt;
  }
  const std::vector<std::string> names = NamesOf(declarations);
  const std::string all = names.empty() || names.size() > kListedMax
                              ? fmt::format("declare it: {} {} …", what, name.text)
                              : fmt::format("there is {}; or declare it: {} {} …",
                                            JoinWords(names, "and"), what, name.text);
  Error(code, name.span, fmt::format("there is no {} `{}`", what, name.text),
        Suggest(name.text, names, all));
  return std::nullopt;
}

std::optional<KindId> Scope::FindKind(const ast::Name& name) {
  const std::optional<size_t> at =
      Find(program_.kinds, kinds_, name, DiagnosticCode::kUnknownKind, "kind");
  if (!at) return std::nullopt;
  return KindId(static_cast<uint16_t>(*at));
}

std::optional<RelationId> Scope::FindRelation(const ast::Name& name) {
  const std::optional<size_t> at =
      Find(program_.relations, relations_, name, DiagnosticCode::kUnknownRelation, "relation");
  if (!at) return std::nullopt;
  return RelationId(static_cast<uint16_t>(*at));
}

std::optional<SignalId> Scope::FindSignal(const ast::Name& name) {
  const std::optional<size_t> at =
      Find(program_.signals, signals_, name, DiagnosticCode::kUnknownSignal, "signal");
  if (!at) return std::nullopt;
  return SignalId(static_cast<uint32_t>(*at));
}

std::optional<Family> Scope::FindFamily(const ast::Name& name) {
  if (!FindWord(name, "family", FamilyWords())) return std::nullopt;
  return ParseFamily(name.text);
}

std::optional<Severity> Scope::FindSeverity(const ast::Name& name) {
  if (!FindWord(name, "severity", SeverityWords())) return std::nullopt;
  return ParseSeverity(name.text);
}

std::optional<size_t> Scope::FindWord(const ast::Name& name, std::string_view what,
                                      const std::vector<std::string>& words) {
  const auto at = std::find(words.begin(), words.end(), name.text);
  if (at != words.end()) return static_cast<size_t>(at - words.begin());
  Error(DiagnosticCode::kUnknownWord, name.span,
        fmt::format("there is no {} `{}`", what, name.text),
        Suggest(name.text, words, fmt::format("it is one of {}", JoinWords(words))));
  return std::nullopt;
}

std::optional<KindId> Scope::CheckEntity(const ast::Entity& entity) {
  const std::string kind_name(KindName(entity.name));
  const uint32_t begin = entity.span.begin;
  const std::optional<KindId> id =
      FindKind({kind_name, {begin, begin + static_cast<uint32_t>(kind_name.size())}});
  if (!id) return std::nullopt;
  const Kind& kind = program_.kind(*id);
  const auto slashes = std::count(entity.name.begin(), entity.name.end(), '/');
  const size_t parts = static_cast<size_t>(slashes) + 1;
  if (parts > kind.identity.size()) {
    Error(DiagnosticCode::kEntityParts, entity.span,
          fmt::format("`{}` has {} parts, but the kind {} is identified by {}", entity.name, parts,
                      kind.name, JoinWords(kind.identity, "and")),
          "put a part that holds a slash in quotes: kind:\"a/b\"");
  } else if (parts < kind.identity.size()) {
    Warning(DiagnosticCode::kEntityIncomplete, entity.span,
            fmt::format("`{}` has {} of {} parts: the kind {} is identified by {}", entity.name,
                        parts, kind.identity.size(), kind.name, JoinWords(kind.identity, "and")),
            "no sample will name this entity; write all parts, separated by `/`");
  }
  return id;
}

Template Scope::ParseTemplate(const ast::Text& text, const std::vector<std::string>& known,
                              const std::vector<std::string>& prefixes) {
  Template result;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) result.pieces.push_back({false, std::exchange(literal, "")});
  };
  const std::string& s = text.text;
  // Exact where no escape stands in the text.
  const auto part = [&](size_t begin, size_t end) -> Span {
    if (text.span.end - text.span.begin != s.size() + 2) return text.span;
    return {text.span.begin + 1 + static_cast<uint32_t>(begin),
            text.span.begin + 1 + static_cast<uint32_t>(end)};
  };
  for (size_t i = 0; i < s.size(); ++i) {
    const bool doubled = (s[i] == '{' || s[i] == '}') && i + 1 < s.size() && s[i + 1] == s[i];
    if (doubled || (s[i] != '{' && s[i] != '}')) {
      literal += s[i];
      if (doubled) ++i;
      continue;
    }
    const size_t end = s[i] == '{' ? s.find_first_of("{}", i + 1) : std::string::npos;
    if (end == std::string::npos || s[end] != '}' || end == i + 1) {
      Error(DiagnosticCode::kBadText, part(i, i + 1),
            s[i] == '{' ? "a `{` that no `}` closes" : "a `}` without a `{`",
            "references are written {name}; a brace itself is written twice: {{");
      return result;
    }
    std::string path = s.substr(i + 1, end - i - 1);
    const bool prefixed = std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) {
      return path.starts_with(prefix) && path.size() > prefix.size();
    });
    if (!known.empty() && !prefixed && std::find(known.begin(), known.end(), path) == known.end()) {
      Error(DiagnosticCode::kUnknownReference, part(i + 1, end),
            fmt::format("there is no `{}` here", path),
            Suggest(path, known, fmt::format("there is: {}", JoinWords(known, "and"))));
    }
    flush();
    result.pieces.push_back({true, std::move(path)});
    i = end;
  }
  flush();
  return result;
}

void Scope::Error(DiagnosticCode code, Span span, std::string message, std::string hint) {
  diagnostics_.Error(code, source_, span, std::move(message), std::move(hint));
}

void Scope::Warning(DiagnosticCode code, Span span, std::string message, std::string hint) {
  diagnostics_.Warning(code, source_, span, std::move(message), std::move(hint));
}

void Scope::NotExecuted(Span span, std::string_view what) {
  Error(DiagnosticCode::kNotExecutedYet, span, fmt::format("not executed yet: {}", what),
        "it is read and checked, but this version would silently do nothing with it");
}

std::string_view Scope::TextAt(Span span) const {
  return source_ < program_.sources.size() ? program_.sources[source_].Text(span)
                                           : std::string_view();
}

std::string Scope::Where(const Place& place) const {
  if (place.source >= program_.sources.size()) return "?";
  const RuleSource& source = program_.sources[place.source];
  return fmt::format("{}:{}", source.name(), source.At(place.span.begin).line);
}

}  // namespace rootnote
