#include <algorithm>
#include <charconv>
#include <iterator>

#include "fmt/format.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "schemas/mapping_tree.h"

namespace rootnote::mapping {
namespace {

using Json = rapidjson::Value;

constexpr int kDepthMax = 32;

struct FilterName {
  std::string_view name;
  Filter::Op op;
  bool argument, number;
};

constexpr FilterName kFilters[] = {
    {"or", Filter::Op::kOr, true, false},
    {"default", Filter::Op::kDefault, true, false},
    {"max", Filter::Op::kMax, true, true},
    {"map", Filter::Op::kMap, true, false},
    {"before", Filter::Op::kBefore, true, false},
    {"after", Filter::Op::kAfter, true, false},
    {"before_last", Filter::Op::kBeforeLast, true, false},
    {"after_last", Filter::Op::kAfterLast, true, false},
    {"datetime", Filter::Op::kDatetime, false, false},
    {"text", Filter::Op::kText, false, false},
    {"each", Filter::Op::kEach, true, false},
    {"first", Filter::Op::kFirst, true, true},
    {"join", Filter::Op::kJoin, true, false},
};

std::string_view ViewOf(const Json& text) { return {text.GetString(), text.GetStringLength()}; }

std::string JsonText(const Json& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

// A mapping file read into its tree.
class MappingReader {
 public:
  absl::StatusOr<Tree> Read(std::string_view text) {
    rapidjson::Document file;
    file.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(),
                                                                                       text.size());
    if (file.HasParseError()) {
      return absl::InvalidArgumentError(
          fmt::format("mapping: not JSON at byte {}: {}", file.GetErrorOffset(),
                      rapidjson::GetParseError_En(file.GetParseError())));
    }
    if (!file.IsObject() || !file.HasMember("record")) return Fail("", "it has no \"record\"");
    for (const auto& member : file.GetObject()) {
      const std::string_view name = ViewOf(member.name);
      if (name == "tables") {
        RETURN_IF_ERROR(ReadTables(member.value));
      } else if (name != "record" && name != "projection" && name != "about") {
        return Fail(
            "", fmt::format("there is no \"{}\" here: projection, about, tables, record", name));
      }
    }
    ASSIGN_OR_RETURN(Node record, ReadNode(file["record"], "record", 0));
    return Tree{std::move(record), std::move(tables_)};
  }

 private:
  static absl::Status Fail(std::string_view where, std::string_view what) {
    return absl::InvalidArgumentError(
        fmt::format("mapping{}{}: {}", where.empty() ? "" : ", ", where, what));
  }

  absl::Status ReadTables(const Json& tables) {
    if (!tables.IsObject()) return Fail("tables", "must be an object of tables");
    for (const auto& table : tables.GetObject()) {
      const std::string name(ViewOf(table.name));
      if (!table.value.IsObject()) return Fail("tables." + name, "must be an object of texts");
      auto& rows = tables_.emplace_back(Table{name, {}}).rows;
      for (const auto& row : table.value.GetObject()) {
        if (!row.value.IsString()) return Fail("tables." + name, "must hold texts");
        rows.emplace_back(ViewOf(row.name), ViewOf(row.value));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Node> ReadNode(const Json& from, const std::string& where, int depth) {
    if (depth > kDepthMax) return Fail(where, "nested too deeply");
    Node node;
    if (from.IsString()) {
      node.kind = Node::Kind::kText;
      ASSIGN_OR_RETURN(node.pieces, ReadText(ViewOf(from), where));
    } else if (from.IsArray()) {
      node.kind = Node::Kind::kList;
      for (rapidjson::SizeType i = 0; i < from.Size(); ++i) {
        ASSIGN_OR_RETURN(Node item, ReadNode(from[i], fmt::format("{}.{}", where, i), depth + 1));
        node.items.push_back(std::move(item));
      }
    } else if (from.IsObject()) {
      return ReadObject(from, where, depth);
    } else {
      node.literal = JsonText(from);
    }
    return node;
  }

  absl::StatusOr<Node> ReadObject(const Json& from, const std::string& where, int depth) {
    Node node;
    node.kind = Node::Kind::kObject;
    for (const auto& member : from.GetObject()) {
      std::string name(ViewOf(member.name));
      const std::string inside = fmt::format("{}.{}", where, name);
      if (name == "$when") {
        if (!member.value.IsString()) return Fail(inside, "must be a path");
        node.kind = Node::Kind::kChoice;
        ASSIGN_OR_RETURN(node.pieces,
                         ReadText(fmt::format("{{{}}}", ViewOf(member.value)), inside));
        continue;
      }
      ASSIGN_OR_RETURN(Node value, ReadNode(member.value, inside, depth + 1));
      if (name == "$json") {
        if (from.MemberCount() > 1) return Fail(where, "\"$json\" stands alone");
        node.kind = Node::Kind::kJsonText;
        node.items.push_back(std::move(value));
        return node;
      }
      const bool required = name.size() > 1 && name.front() == '!';
      if (required) name.erase(0, 1);
      const bool spread = name == "*";
      node.members.push_back({std::move(name), required, spread, std::move(value)});
    }
    return node;
  }

  // Text with {path|filter:argument|…}; a brace itself is written twice.
  absl::StatusOr<std::vector<Piece>> ReadText(std::string_view text, const std::string& where) {
    std::vector<Piece> pieces;
    std::string literal;
    const auto flush = [&] {
      if (!literal.empty()) pieces.push_back({false, std::exchange(literal, ""), {}});
    };
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
        literal += c;
        ++i;
      } else if (c == '{') {
        const size_t end = text.find('}', i);
        if (end == std::string_view::npos) return Fail(where, "a brace is not closed");
        flush();
        ASSIGN_OR_RETURN(Piece piece, ReadReference(text.substr(i + 1, end - i - 1), where));
        pieces.push_back(std::move(piece));
        i = end;
      } else if (c == '}') {
        return Fail(where, "a closing brace without its opening one; written twice it is a text");
      } else {
        literal += c;
      }
    }
    flush();
    return pieces;
  }

  absl::StatusOr<Piece> ReadReference(std::string_view text, const std::string& where) {
    Piece piece;
    piece.reference = true;
    piece.text = std::string(text.substr(0, text.find('|')));
    if (piece.text.empty()) return Fail(where, "a reference without a path: {title}");
    text.remove_prefix(piece.text.size());
    while (!text.empty()) {
      text.remove_prefix(1);
      const std::string_view filter = text.substr(0, text.find('|'));
      ASSIGN_OR_RETURN(Filter read, ReadFilter(filter, where));
      piece.filters.push_back(std::move(read));
      text.remove_prefix(filter.size());
    }
    return piece;
  }

  absl::StatusOr<Filter> ReadFilter(std::string_view text, const std::string& where) {
    const std::string_view name = text.substr(0, text.find(':'));
    const auto* known = std::find_if(std::begin(kFilters), std::end(kFilters),
                                     [&](const FilterName& one) { return one.name == name; });
    if (known == std::end(kFilters)) {
      return Fail(where, fmt::format("there is no filter \"{}\"", name));
    }
    const bool argument = name.size() < text.size();
    if (argument != known->argument) {
      return Fail(where, fmt::format("the filter {} {}", name,
                                     argument ? "has no argument" : "needs an argument"));
    }
    Filter filter;
    filter.op = known->op;
    if (argument) filter.argument = std::string(text.substr(name.size() + 1));
    const char* const end = filter.argument.data() + filter.argument.size();
    if (known->number) {
      const auto [at, error] = std::from_chars(filter.argument.data(), end, filter.number);
      if (error != std::errc() || at != end || filter.number == 0) {
        return Fail(where, fmt::format("{}: a number above zero was expected", text));
      }
    }
    if (filter.op == Filter::Op::kMap) {
      const auto table = std::find_if(tables_.begin(), tables_.end(), [&](const Table& one) {
        return one.name == filter.argument;
      });
      if (table == tables_.end()) {
        return Fail(where, fmt::format("there is no table \"{}\"", filter.argument));
      }
      filter.number = static_cast<size_t>(table - tables_.begin());
    }
    return filter;
  }

  std::vector<Table> tables_;
};

}  // namespace

absl::StatusOr<Tree> ReadMapping(std::string_view text) { return MappingReader().Read(text); }

}  // namespace rootnote::mapping
