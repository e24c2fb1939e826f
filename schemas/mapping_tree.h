// A mapping file (schemas/projection.h) as a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/base/status.h"

namespace rootnote::mapping {

// What a reference does with the value at its path, one after the other.
struct Filter {
  enum class Op : uint8_t {
    kOr,
    kDefault,
    kMax,
    kMap,
    kBefore,
    kAfter,
    kBeforeLast,
    kAfterLast,
    kDatetime,
    kText,
    kEach,
    kFirst,
    kJoin,
  } op = Op::kText;
  std::string argument;
  size_t number = 0;
};

// Literal text and references in turn.
struct Piece {
  bool reference = false;
  std::string text;  // the literal, or the path
  std::vector<Filter> filters;
};

struct Node {
  enum class Kind : uint8_t { kLiteral, kText, kObject, kList, kChoice, kJsonText };
  struct Member;
  Kind kind = Kind::kLiteral;
  std::string literal;          // kLiteral: JSON
  std::vector<Piece> pieces;    // kText; kChoice: the path, as one piece
  std::vector<Member> members;  // kObject, kChoice
  std::vector<Node> items;      // kList; kJsonText: one
};

struct Node::Member {
  std::string name;
  bool required = false;  // "!name": without it the object is left out
  bool spread = false;    // "*": the members of another object
  Node value;
};

struct Table {
  std::string name;
  std::vector<std::pair<std::string, std::string>> rows;
};

struct Tree {
  Node record;
  std::vector<Table> tables;
};

// InvalidArgument says what is wrong, and where.
absl::StatusOr<Tree> ReadMapping(std::string_view text);

}  // namespace rootnote::mapping
