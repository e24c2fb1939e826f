#include "schemas/entity_name.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "fmt/format.h"

#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
char Upper(char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 0x20) : c; }

// Why `id` cannot be the id of an entity; "" if it can.
std::string FaultOfId(std::string_view id) {
  bool part_empty = true;
  for (size_t i = 0; i < id.size(); ++i) {
    const auto c = static_cast<unsigned char>(id[i]);
    if (c == '/') {
      if (part_empty) {
        return "has an empty part";
      }
      part_empty = true;
      continue;
    }
    part_empty = false;
    if (c < 0x20 || c == 0x7F) {
      return "holds a control character";
    }
    if (c == ':') {
      return "holds a second `:`, to be written %3A";
    }
    if (c == '%' && (i + 2 >= id.size() || !IsHex(id[i + 1]) || !IsHex(id[i + 2]))) {
      return "holds a `%` that is no percent-encoding, to be written %25";
    }
  }
  return part_empty ? "has an empty part" : "";
}

}  // namespace

bool IsIdentifier(std::string_view word) {
  return !word.empty() && IsLetter(word.front()) &&
         std::all_of(word.begin(), word.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

std::optional<std::string> ReadEntityName(std::string_view name, std::string* why) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos || !IsIdentifier(name.substr(0, colon))) {
    *why = fmt::format("\"{}\" is no entity: kind:id, as in vm:web1", Shown(name));
    return std::nullopt;
  }
  const std::string fault = FaultOfId(name.substr(colon + 1));
  if (!fault.empty()) {
    *why = fmt::format("the id of the entity \"{}\" {}", Shown(name), fault);
    return std::nullopt;
  }
  std::string out(name);
  for (size_t i = out.find('%'); i != std::string::npos; i = out.find('%', i + 3)) {
    out[i + 1] = Upper(out[i + 1]);
    out[i + 2] = Upper(out[i + 2]);
  }
  return out;
}

std::optional<TopologyChange> ReadDeletedKey(std::string_view key, std::string* why) {
  TopologyChange change;
  const size_t first = key.find('|');
  if (first == std::string_view::npos) {
    std::optional<std::string> entity = ReadEntityName(key, why);
    if (!entity) {
      return std::nullopt;
    }
    change.type = TopologyChange::Type::kEntityDeleted;
    change.entity = *std::move(entity);
    return change;
  }
  const size_t second = key.find('|', first + 1);
  if (second == std::string_view::npos || key.find('|', second + 1) != std::string_view::npos ||
      !IsIdentifier(key.substr(0, first))) {
    *why = fmt::format("the key \"{}\" is no relation: relation|from|to", Shown(key));
    return std::nullopt;
  }
  std::optional<std::string> from = ReadEntityName(key.substr(first + 1, second - first - 1), why);
  std::optional<std::string> to;
  if (from) {
    to = ReadEntityName(key.substr(second + 1), why);
  }
  if (!to) {
    return std::nullopt;
  }
  change.type = TopologyChange::Type::kRelationDeleted;
  change.relation = key.substr(0, first);
  change.from = *std::move(from);
  change.to = *std::move(to);
  return change;
}

}  // namespace rootnote
