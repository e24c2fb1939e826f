// One JSON object, read whole: every value checked, nothing skipped, no key twice. Formats map it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/json_number.h"

namespace rootnote {

// Nodes stand in the order of the text; a container's members follow it.
struct JsonNode {
  enum class Type : uint8_t { kObject, kArray, kString, kNumber, kBool, kNull };

  Type type = Type::kNull;
  bool truth = false;                       // kBool
  std::optional<NumberError> number_error;  // kNumber: why `number` is not to be used
  uint32_t next = 0;      // index of the first node after this one and its members
  size_t key_offset = 0;  // in the payload, of the key's opening quote
  size_t offset = 0;      // in the payload, of the value
  std::string_view key;   // unescaped; empty for elements of arrays
  std::string_view text;  // kString: unescaped; kNumber, kBool: as it stands
  double number = 0;      // kNumber
};

// "an object", "a string": for messages.
std::string_view TypeName(JsonNode::Type type);

class JsonTree {
 public:
  // Views into the reader's buffers, valid until it reads on.
  std::vector<JsonNode> nodes;  // [0] is the object itself
  std::string pointer;          // of nodes[0] in the document: "" or "/3"

  const JsonNode& root() const { return nodes.front(); }
  const JsonNode& operator[](size_t index) const { return nodes[index]; }
  // for (size_t i = tree.First(at); i != tree.End(at); i = tree.Next(i)) goes over the members of
  // `at`.
  size_t First(size_t at) const { return at + 1; }
  size_t End(size_t at) const { return nodes[at].next; }
  size_t Next(size_t member) const { return nodes[member].next; }

  // The JSON pointer of a node in the document.
  std::string PointerTo(size_t at) const;
};

}  // namespace rootnote
