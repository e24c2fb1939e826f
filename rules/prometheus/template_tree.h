// The tree of a template, as the parser leaves it and the executor walks it. Of this folder only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rootnote::prometheus {

struct TemplateNode {
  enum class Kind : uint8_t {
    kList,
    kText,    // text
    kAction,  // pipe
    kIf,      // pipe, list, else-list (may be null); so kRange and kWith
    kRange,
    kWith,
    kTemplate,  // text: its name; pipe (may be null)
    kBreak,
    kContinue,
    kPipe,     // names: variables that are set; commands
    kCommand,  // operands
    kDot,
    kNil,
    kBool,        // text
    kNumber,      // text
    kString,      // text: what it means; quoted: as it is written
    kField,       // names
    kVariable,    // names: $x and its fields
    kChain,       // operand, names
    kIdentifier,  // text
  } kind = Kind::kList;
  size_t position = 0;  // in the template's text
  std::string text, quoted;
  std::vector<std::string> names;
  bool assigns = false;  // kPipe: = and not :=
  std::vector<std::unique_ptr<TemplateNode>> children;

  // As Go prints it in errors.
  std::string ToString() const;
};

// A function that templates may call, by name, with what Go's type checks need to know.
struct TemplateFunction {
  const char* name;
  int least, most;     // arguments; most -1: any number
  const char* wanted;  // a letter each, the last one holds for the rest: s string, a any,
                       // q query result, e element of one
};
const TemplateFunction* FindTemplateFunction(const std::string& name);

}  // namespace rootnote::prometheus
