#include "schemas/projection.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "fmt/format.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "schemas/base/check.h"
#include "schemas/built_in_mappings.h"
#include "schemas/mapping_tree.h"

namespace rootnote {
namespace {

using mapping::Filter;
using mapping::Node;
using mapping::Piece;
using Json = rapidjson::Value;
using Allocator = rapidjson::Document::AllocatorType;

std::string_view ViewOf(const Json& text) { return {text.GetString(), text.GetStringLength()}; }

Json TextValue(std::string_view text, Allocator& allocator) {
  return {text.data(), static_cast<rapidjson::SizeType>(text.size()), allocator};
}

std::string JsonText(const Json& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string TextOf(const Json& value) {
  return value.IsString() ? std::string(ViewOf(value)) : JsonText(value);
}

// What a record does not have is not there, null, or empty.
bool IsNothing(const Json& value) {
  return value.IsNull() || (value.IsString() && value.GetStringLength() == 0) ||
         (value.IsArray() && value.Empty()) || (value.IsObject() && value.ObjectEmpty());
}

// The value at a.b.0.c, or null.
const Json* At(const Json& from, std::string_view path) {
  const Json* value = &from;
  while (!path.empty()) {
    const std::string_view step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    if (value->IsObject()) {
      const auto member = value->FindMember(
          Json(rapidjson::StringRef(step.data(), static_cast<rapidjson::SizeType>(step.size()))));
      if (member == value->MemberEnd()) return nullptr;
      value = &member->value;
    } else if (value->IsArray()) {
      rapidjson::SizeType index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      if (error != std::errc() || end != step.data() + step.size() || index >= value->Size()) {
        return nullptr;
      }
      value = &(*value)[index];
    } else {
      return nullptr;
    }
  }
  return IsNothing(*value) ? nullptr : value;
}

// At most `characters` of UTF-8, the last one an ellipsis where something is cut.
std::string Cut(const std::string& text, size_t characters) {
  size_t count = 0, cut_at = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++count == characters) cut_at = i;
    if (count > characters) return text.substr(0, cut_at) + "\xE2\x80\xA6";
  }
  return text;
}

std::string Part(const std::string& text, const Filter& filter) {
  const bool last = filter.op == Filter::Op::kBeforeLast || filter.op == Filter::Op::kAfterLast;
  const bool before = filter.op == Filter::Op::kBefore || filter.op == Filter::Op::kBeforeLast;
  const size_t at = last ? text.rfind(filter.argument) : text.find(filter.argument);
  if (at == std::string::npos) return text;
  return before ? text.substr(0, at) : text.substr(at + filter.argument.size());
}

// "2026-03-21 16:00:05" of the record's RFC 3339, UTC in both.
std::string Datetime(std::string text) {
  text.resize(std::min<size_t>(text.size(), 19));
  if (text.size() > 10) text[10] = ' ';
  return text;
}

}  // namespace

// The mapping as a tree, and its application to one record.
class Projection::Mapping {
 public:
  explicit Mapping(mapping::Tree tree) : tree_(std::move(tree)) {}

  std::string Apply(std::string_view text) const {
    rapidjson::Document record;
    record.Parse<rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
    CHECK(!record.HasParseError());
    Json projected;
    return Make(tree_.record, record, record.GetAllocator(), projected) ? JsonText(projected)
                                                                        : "{}";
  }

 private:
  // False when there is nothing to put there.
  bool Make(const Node& node, const Json& record, Allocator& allocator, Json& out) const {
    switch (node.kind) {
      case Node::Kind::kLiteral: {
        rapidjson::Document literal(&allocator);
        literal.Parse(node.literal.data(), node.literal.size());
        out = std::move(static_cast<Json&>(literal));
        return true;
      }
      case Node::Kind::kText:
        return MakeText(node.pieces, record, allocator, out);
      case Node::Kind::kObject:
        return MakeObject(node, record, allocator, out);
      case Node::Kind::kList:
        out.SetArray();
        for (const Node& item : node.items) {
          Json value;
          if (Make(item, record, allocator, value)) out.PushBack(value, allocator);
        }
        return !out.Empty();
      case Node::Kind::kChoice:
        return MakeChoice(node, record, allocator, out);
      case Node::Kind::kJsonText: {
        Json value;
        if (!Make(node.items.front(), record, allocator, value)) return false;
        out = TextValue(JsonText(value), allocator);
        return true;
      }
    }
    return false;
  }

  bool MakeText(const std::vector<Piece>& pieces, const Json& record, Allocator& allocator,
                Json& out) const {
    if (pieces.size() == 1 && pieces.front().reference) {
      return Resolve(pieces.front(), record, allocator, out) && !IsNothing(out);
    }
    std::string text;
    for (const Piece& piece : pieces) {
      Json value;
      if (!piece.reference) {
        text += piece.text;
      } else if (Resolve(piece, record, allocator, value)) {
        text += TextOf(value);
      } else {
        return false;
      }
    }
    out = TextValue(text, allocator);
    return !text.empty();
  }

  bool MakeObject(const Node& node, const Json& record, Allocator& allocator, Json& out) const {
    out.SetObject();
    for (const Node::Member& member : node.members) {
      Json value;
      if (!Make(member.value, record, allocator, value)) {
        if (member.required) return false;
      } else if (!member.spread) {
        out.AddMember(TextValue(member.name, allocator), value, allocator);
      } else if (value.IsObject()) {
        for (auto& one : value.GetObject()) {
          if (!out.HasMember(one.name)) out.AddMember(one.name, one.value, allocator);
        }
      }
    }
    return !out.ObjectEmpty();
  }

  bool MakeChoice(const Node& node, const Json& record, Allocator& allocator, Json& out) const {
    Json value;
    const bool known = MakeText(node.pieces, record, allocator, value);
    const std::string word = known ? TextOf(value) : "";
    const Node::Member* otherwise = nullptr;
    for (const Node::Member& member : node.members) {
      if (member.name == word) return Make(member.value, record, allocator, out);
      if (member.name == "else") otherwise = &member;
    }
    return otherwise != nullptr && Make(otherwise->value, record, allocator, out);
  }

  bool Resolve(const Piece& piece, const Json& record, Allocator& allocator, Json& out) const {
    const Json* at = At(record, piece.text);
    bool there = at != nullptr;
    if (there) out.CopyFrom(*at, allocator);
    for (const Filter& filter : piece.filters) {
      if (there == (filter.op == Filter::Op::kOr || filter.op == Filter::Op::kDefault)) continue;
      if (filter.op == Filter::Op::kOr) {
        at = At(record, filter.argument);
        there = at != nullptr;
        if (there) out.CopyFrom(*at, allocator);
      } else if (filter.op == Filter::Op::kDefault) {
        out = TextValue(filter.argument, allocator);
        there = true;
      } else {
        there = Change(filter, allocator, out);
      }
    }
    return there;
  }

  bool Change(const Filter& filter, Allocator& allocator, Json& value) const {
    switch (filter.op) {
      case Filter::Op::kMax:
        value = TextValue(Cut(TextOf(value), filter.number), allocator);
        return true;
      case Filter::Op::kMap:
        return Look(filter.number, allocator, value);
      case Filter::Op::kDatetime:
        value = TextValue(Datetime(TextOf(value)), allocator);
        return true;
      case Filter::Op::kText:
        value = TextValue(TextOf(value), allocator);
        return true;
      case Filter::Op::kEach:
        return Collect(filter.argument, allocator, value);
      case Filter::Op::kFirst:
        while (value.IsArray() && value.Size() > filter.number) value.PopBack();
        return true;
      case Filter::Op::kJoin:
        value = TextValue(Join(value, filter.argument), allocator);
        return true;
      default:
        value = TextValue(Part(TextOf(value), filter), allocator);
        return true;
    }
  }

  bool Look(size_t table, Allocator& allocator, Json& value) const {
    const std::string word = TextOf(value);
    for (const auto& [from, to] : tree_.tables[table].rows) {
      if (from != word) continue;
      value = TextValue(to, allocator);
      return true;
    }
    return false;
  }

  static bool Collect(std::string_view path, Allocator& allocator, Json& value) {
    Json list(rapidjson::kArrayType);
    if (value.IsArray()) {
      for (const Json& item : value.GetArray()) {
        if (const Json* at = At(item, path)) list.PushBack(Json(*at, allocator), allocator);
      }
    }
    value = std::move(list);
    return !value.Empty();
  }

  static std::string Join(const Json& value, std::string_view separator) {
    if (!value.IsArray()) return TextOf(value);
    std::string text;
    for (const Json& item : value.GetArray()) {
      if (!text.empty()) text += separator;
      text += TextOf(item);
    }
    return text;
  }

  const mapping::Tree tree_;
};

std::vector<std::string> ProjectionNames() {
  std::vector<std::string> names;
  for (const BuiltInMapping& mapping : BuiltInMappings()) names.emplace_back(mapping.name);
  return names;
}

absl::StatusOr<Projection> Projection::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(mapping::Tree tree, mapping::ReadMapping(text));
  return Projection(std::make_shared<const Mapping>(std::move(tree)));
}

absl::StatusOr<Projection> Projection::BuiltIn(std::string_view name) {
  for (const BuiltInMapping& mapping : BuiltInMappings()) {
    if (mapping.name == name) return Parse(mapping.text);
  }
  return absl::NotFoundError(fmt::format("there is no projection \"{}\"", name));
}

std::string Projection::Apply(std::string_view record) const { return mapping_->Apply(record); }

}  // namespace rootnote
