// The names of a rule set: declared once, found with "did you mean". What every checker works on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/ast.h"
#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/diagnostic_codes.h"
#include "rules/program.h"
#include "schemas/base/string_view.h"

namespace rootnote {

class Scope {
 public:
  Scope(Program& program, const CompileOptions& options, Diagnostics& diagnostics)
      : program_(program), options_(options), diagnostics_(diagnostics) {}

  // What is being checked now: diagnostics go to its file.
  void Enter(uint32_t source) { source_ = source; }
  uint32_t source() const { return source_; }

  Program& program() { return program_; }
  const Program& program() const { return program_; }
  const CompileOptions& options() const { return options_; }

  // False, with a diagnostic that tells where the first one stands, when the name is taken.
  // `what` is the namespace: "kind", "signal", ….
  bool Declare(std::string_view what, const ast::Name& name);
  bool IsDeclared(std::string_view what, const ast::Name& name) const;

  // Each reports an unknown name.
  std::optional<KindId> FindKind(const ast::Name& name);
  std::optional<RelationId> FindRelation(const ast::Name& name);
  std::optional<SignalId> FindSignal(const ast::Name& name);
  std::optional<Family> FindFamily(const ast::Name& name);
  std::optional<Severity> FindSeverity(const ast::Name& name);
  // `name` must be one of `words`; its index.
  std::optional<size_t> FindWord(const ast::Name& name, std::string_view what,
                                 const std::vector<std::string>& words);

  // An entity's kind, after a look at the number of its parts.
  std::optional<KindId> CheckEntity(const ast::Entity& entity);

  // "{disk}: {value}" in pieces. References must be among `known`, or begin with one of
  // `prefixes`; no check if `known` is empty.
  Template ParseTemplate(const ast::Text& text, const std::vector<std::string>& known,
                         const std::vector<std::string>& prefixes);

  void Error(DiagnosticCode code, Span span, std::string message, std::string hint = "");
  void Warning(DiagnosticCode code, Span span, std::string message, std::string hint = "");
  size_t errors() const { return diagnostics_.errors(); }
  void NotExecuted(Span span, std::string_view what);

  Place PlaceOf(Span span) const { return {source_, span}; }
  std::string_view TextAt(Span span) const;
  // "file:12", for hints.
  std::string Where(const Place& place) const;

 private:
  // The names of a list that only grows, for rule sets with a hundred thousand of them.
  struct NameIndex {
    StringMap<size_t> places;
    size_t size = 0;
  };
  template <typename Declaration>
  std::optional<size_t> Find(const std::vector<Declaration>& declarations, NameIndex& index,
                             const ast::Name& name, DiagnosticCode code, std::string_view what);

  Program& program_;
  const CompileOptions& options_;
  Diagnostics& diagnostics_;
  uint32_t source_ = 0;
  NameIndex kinds_, relations_, signals_;
  StringMap<Place> declared_;  // "kind disk"; only looked up, never walked
};

// "did you mean `x`?", or `otherwise` when nothing is near.
std::string Suggest(std::string_view word, const std::vector<std::string>& candidates,
                    std::string otherwise);

}  // namespace rootnote
