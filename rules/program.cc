#include "rules/program.h"

namespace rootnote {
namespace {

template <typename Declaration>
std::optional<size_t> Find(const std::vector<Declaration>& declarations, std::string_view name) {
  for (size_t i = 0; i < declarations.size(); ++i) {
    if (declarations[i].name == name) return i;
  }
  return std::nullopt;
}

template <typename Id, typename Rep, typename Declaration>
std::optional<Id> FindId(const std::vector<Declaration>& declarations, std::string_view name) {
  const std::optional<size_t> at = Find(declarations, name);
  if (!at) return std::nullopt;
  return Id(static_cast<Rep>(*at));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<KindId> Program::FindKind(std::string_view name) const {
  return FindId<KindId, uint16_t>(kinds, name);
}

std::optional<RelationId> Program::FindRelation(std::string_view name) const {
  return FindId<RelationId, uint16_t>(relations, name);
}

std::optional<SignalId> Program::FindSignal(std::string_view name) const {
  return FindId<SignalId, uint32_t>(signals, name);
}

std::optional<std::string> EntityName(const Kind& kind, const Labels& labels) {
  std::string name = kind.name;
  char separator = ':';
  for (const std::string& label : kind.identity) {
    const std::string_view value = labels.Get(label);
    if (value.empty()) return std::nullopt;
    name += separator;
    name += EncodeIdPart(value);
    separator = '/';
  }
  return name;
}

std::optional<Labels> IdentityLabels(const Kind& kind, std::string_view entity) {
  const size_t colon = entity.find(':');
  if (colon == std::string_view::npos || entity.substr(0, colon) != kind.name) return std::nullopt;
  std::string_view rest = entity.substr(colon + 1);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i < kind.identity.size(); ++i) {
    const size_t slash = rest.find('/');
    const bool last = i + 1 == kind.identity.size();
    if (last != (slash == std::string_view::npos)) return std::nullopt;
    pairs.emplace_back(kind.identity[i], DecodeIdPart(rest.substr(0, slash)));
    if (!last) rest.remove_prefix(slash + 1);
  }
  return Labels::From(std::move(pairs));
}

std::string_view KindName(std::string_view entity) { return entity.substr(0, entity.find(':')); }

std::string DecodeIdPart(std::string_view part) {
  std::string decoded;
  decoded.reserve(part.size());
  for (size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '%' && i + 2 < part.size() && HexDigit(part[i + 1]) >= 0 &&
                        HexDigit(part[i + 2]) >= 0;
    if (!escape) {
      decoded += part[i];
      continue;
    }
    decoded += static_cast<char>(HexDigit(part[i + 1]) * 16 + HexDigit(part[i + 2]));
    i += 2;
  }
  return decoded;
}

std::string EncodeIdPart(std::string_view part) {
  std::string encoded;
  encoded.reserve(part.size());
  for (const char c : part) {
    switch (c) {
      case '/':
        encoded += "%2F";
        break;
      case ':':
        encoded += "%3A";
        break;
      case '%':
        encoded += "%25";
        break;
      default:
        encoded += c;
    }
  }
  return encoded;
}

}  // namespace rootnote
