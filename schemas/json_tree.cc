#include "schemas/json_tree.h"

#include "schemas/json_syntax.h"

namespace rootnote {

std::string_view TypeName(JsonNode::Type type) {
  switch (type) {
    case JsonNode::Type::kObject:
      return "an object";
    case JsonNode::Type::kArray:
      return "an array";
    case JsonNode::Type::kString:
      return "a string";
    case JsonNode::Type::kNumber:
      return "a number";
    case JsonNode::Type::kBool:
      return "true or false";
    case JsonNode::Type::kNull:
      return "null";
  }
  return "";
}

std::string JsonTree::PointerTo(size_t at) const {
  std::string out = pointer;
  size_t parent = 0;
  while (parent != at) {
    size_t index = 0;
    size_t member = First(parent);
    while (Next(member) <= at) {
      member = Next(member);
      ++index;
    }
    const bool in_object = nodes[parent].type == JsonNode::Type::kObject;
    AppendPointer(in_object ? nodes[member].key : std::to_string(index), out);
    parent = member;
  }
  return out;
}

}  // namespace rootnote
