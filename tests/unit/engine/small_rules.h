// Small programs made by hand, so that the engine's parts are tested without the rule compiler.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "rules/program.h"
#include "rules/promql/parser.h"
#include "schemas/base/check.h"

namespace rootnote::testing {

inline ExprPtr Expression(std::string_view text) {
  Diagnostics diagnostics;
  ExprPtr expr = promql::ParseText(text, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << text;
  CHECK(expr != nullptr);
  return expr;
}

inline Condition When(std::string_view text, Millis hold = Millis(0)) {
  Condition condition;
  condition.what = Expression(text);
  condition.hold = hold;
  return condition;
}

class ProgramBuilder {
 public:
  ProgramBuilder() : program_(std::make_shared<Program>()) {}

  KindId AddKind(std::string name, std::vector<std::string> identity,
                 std::vector<std::string> aliases = {}) {
    Kind kind;
    kind.name = std::move(name);
    kind.identity = std::move(identity);
    kind.aliases = std::move(aliases);
    program_->kinds.push_back(std::move(kind));
    return KindId(static_cast<uint16_t>(program_->kinds.size() - 1));
  }

  // The reference lasts until the next signal.
  Signal& AddSignal(std::string name, KindId kind, Condition when) {
    Signal signal;
    signal.name = std::move(name);
    signal.kind = kind;
    signal.when = std::move(when);
    signal.every = Millis(5'000);
    program_->signals.push_back(std::move(signal));
    return program_->signals.back();
  }

  RelationId AddRelation(Relation relation) {
    program_->relations.push_back(std::move(relation));
    return RelationId(static_cast<uint16_t>(program_->relations.size() - 1));
  }

  std::shared_ptr<const Program> Build() const { return program_; }

 private:
  std::shared_ptr<Program> program_;
};

inline EventTime At(int64_t seconds) { return FromMillis(1'000'000'000 + seconds * 1'000); }

inline Labels Of(std::vector<std::pair<std::string, std::string>> pairs) {
  return Labels::From(std::move(pairs));
}

}  // namespace rootnote::testing
