#include "schemas/json_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "simdjson.h"

#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Few members are compared pair by pair, many by sorting.
constexpr size_t kPairwiseMax = 16;
// Nodes that one object may have: for each point its labels and the brackets around it.
constexpr size_t kNodesPerPoint = 16;
constexpr size_t kNodesLeast = 4096;
// Memory that is kept from payload to payload.
constexpr size_t kNodesKept = 1U << 16;

std::string_view TrimRight(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) >= 0; });
}

}  // namespace

class JsonReader::Walk {
 public:
  explicit Walk(const DecodeLimits& limits) : limits_(limits) {}

  std::optional<DecodeFailure> Open(std::string_view payload) {
    failure_.reset();
    root_ = Root::kNone;
    if (tree_.nodes.capacity() > kNodesKept) {
      tree_.nodes = {};
    }
    text_ = {};
    end_ = 0;
    if (payload.size() > limits_.payload_bytes_max) {
      return Stop({DecodeError::kTooLarge,
                   fmt::format("{} bytes, at most {}", payload.size(), limits_.payload_bytes_max),
                   "", limits_.payload_bytes_max});
    }
    CopyToArena(payload);
    text_ = TrimRight(std::string_view(arena_.data(), payload.size()));
    end_ = text_.substr(0, kByteOrderMark.size()) == kByteOrderMark ? kByteOrderMark.size() : 0;
    end_ = text_.find_first_not_of(kSpace, end_);
    if (end_ == std::string_view::npos) {
      return Stop({DecodeError::kEmpty, "nothing but white space", "", 0});
    }
    has_escapes_ = text_.find('\\') != std::string_view::npos;
    has_lines_ = text_.find('\n', end_) != std::string_view::npos;
    return std::nullopt;
  }

  const JsonTree* Next() {
    while (!failure_) {
      if (root_ == Root::kArray) {
        if (NextElement()) {
          return &tree_;
        }
        continue;
      }
      if (end_ == text_.size() || !NextDocument()) {
        return nullptr;
      }
      if (root_ == Root::kObject) {
        root_ = Root::kNone;
        ondemand::object object;
        tree_.pointer.clear();
        if (document_.get_object().get(object) == simdjson::SUCCESS && ReadObject(object, begin_) &&
            EndDocument()) {
          return &tree_;
        }
        Fail();
      }
    }
    return nullptr;
  }

  const std::optional<DecodeFailure>& failure() const { return failure_; }

 private:
  enum class Root : uint8_t { kNone, kObject, kArray };

  struct Frame {
    ondemand::object_iterator members;
    ondemand::array_iterator elements;
    uint32_t node = 0;
    bool is_object = false;
  };

  std::optional<DecodeFailure> Stop(DecodeFailure failure) {
    if (!failure_) {
      failure_ = std::move(failure);
    }
    return failure_;
  }

  // simdjson reads up to SIMDJSON_PADDING bytes beyond the end, and may take them for tokens if
  // they look like some: they are zeros.
  void CopyToArena(std::string_view payload) {
    if (arena_.size() < payload.size() + simdjson::SIMDJSON_PADDING) {
      arena_.resize(payload.size() + payload.size() / 2 + simdjson::SIMDJSON_PADDING);
    }
    if (!payload.empty()) {  // memcpy from null is undefined, even of nothing
      std::memcpy(arena_.data(), payload.data(), payload.size());
    }
    std::memset(arena_.data() + payload.size(), 0, simdjson::SIMDJSON_PADDING);
  }

  size_t OffsetOf(const char* at) const { return static_cast<size_t>(at - arena_.data()); }

  // From the end of one document to the inside of the next.
  bool NextDocument() {
    begin_ = end_;
    end_ = has_lines_ ? FindJsonEnd(text_, begin_) : text_.size();
    const std::string_view json = text_.substr(begin_, end_ - begin_);
    const bool object = json.front() == '{';
    if (!object && json.front() != '[') {
      return Fail({DecodeError::kWrongType,
                   "a record is an object, an array of objects, or one object a line", "", begin_});
    }
    const size_t room = arena_.size() - begin_;
    if (parser_.iterate(json.data(), json.size(), room).get(document_) != simdjson::SUCCESS) {
      return Fail();
    }
    root_ = object ? Root::kObject : Root::kArray;
    depth_max_ = object ? kJsonDepthMax : kJsonDepthMax - 1;
    if (object) {
      return true;
    }
    element_ = 0;
    ondemand::array array;
    if (document_.get_array().get(array) != simdjson::SUCCESS ||
        array.begin().get(elements_) != simdjson::SUCCESS) {
      return Fail();
    }
    return true;
  }

  // The next object of the array; false at its end and on failure.
  bool NextElement() {
    if (element_ > 0) {
      ++elements_;
    }
    if (elements_ == ondemand::array_iterator()) {
      root_ = Root::kNone;
      EndDocument();
      return false;
    }
    ondemand::value value;
    if ((*elements_).get(value) != simdjson::SUCCESS) {
      return Fail();
    }
    tree_.pointer = fmt::format("/{}", element_++);
    const size_t offset = OffsetOf(value.raw_json_token().data());
    ondemand::object object;
    if (text_[offset] != '{' || value.get_object().get(object) != simdjson::SUCCESS) {
      return Fail(
          {DecodeError::kWrongType, "an element of the array is no object", tree_.pointer, offset});
    }
    return ReadObject(object, offset) || Fail();
  }

  // Nothing may follow a document but white space, and if there are lines, another on its own line.
  bool EndDocument() {
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return Fail();
    }
    const size_t next = text_.find_first_not_of(kSpace, end_);
    if (next == std::string_view::npos) {
      end_ = text_.size();
      return true;
    }
    const std::string_view between = text_.substr(end_, next - end_);
    end_ = next;
    if (between.find('\n') == std::string_view::npos) {
      Stop({DecodeError::kBadJson, "something follows the end of the value", "", next});
      return false;
    }
    return true;
  }

  // The present document cannot be read. simdjson tells no place, the checker does; if it finds no
  // fault, `otherwise` holds.
  bool Fail(DecodeFailure otherwise) {
    if (failure_) {
      return false;
    }
    std::optional<DecodeFailure> fault = FindJsonFault(text_.substr(begin_, end_ - begin_));
    if (fault) {
      fault->byte_offset += begin_;
      Stop(*std::move(fault));
    } else {
      Stop(std::move(otherwise));
    }
    return false;
  }

  bool Fail() { return Fail({DecodeError::kBadJson, "not JSON", "", begin_}); }

  // The whole object as nodes. No recursion: the open brackets stand in frames_.
  bool ReadObject(ondemand::object object, size_t offset) {
    tree_.nodes.clear();
    tree_.nodes.emplace_back();
    tree_.nodes[0].type = JsonNode::Type::kObject;
    tree_.nodes[0].offset = offset;
    depth_ = 0;
    if (!Push(object, 0)) {
      return false;
    }
    while (depth_ > 0) {
      Frame& frame = frames_[depth_ - 1];
      if (frame.is_object ? frame.members == ondemand::object_iterator()
                          : frame.elements == ondemand::array_iterator()) {
        if (!Close(frame)) {
          return false;
        }
      } else if (!(frame.is_object ? ReadMember(frame) : ReadElement(frame))) {
        return Fail();
      }
    }
    return true;
  }

  bool Push(ondemand::object object, uint32_t node) {
    Frame& frame = frames_[depth_];
    frame.node = node;
    frame.is_object = true;
    ++depth_;
    return object.begin().get(frame.members) == simdjson::SUCCESS;
  }

  bool Push(ondemand::array array, uint32_t node) {
    Frame& frame = frames_[depth_];
    frame.node = node;
    frame.is_object = false;
    ++depth_;
    return array.begin().get(frame.elements) == simdjson::SUCCESS;
  }

  bool Close(const Frame& frame) {
    tree_.nodes[frame.node].next = static_cast<uint32_t>(tree_.nodes.size());
    if (frame.is_object) {
      if (const std::optional<size_t> twice = FindDuplicate(frame.node)) {
        const JsonNode& node = tree_[*twice];
        return Fail({DecodeError::kDuplicateKey,
                     fmt::format("the key \"{}\" stands twice", Shown(node.key)),
                     tree_.PointerTo(*twice), node.key_offset});
      }
    }
    --depth_;
    if (depth_ > 0) {
      Advance(frames_[depth_ - 1]);
    }
    return true;
  }

  static void Advance(Frame& frame) {
    if (frame.is_object) {
      ++frame.members;
    } else {
      ++frame.elements;
    }
  }

  bool ReadMember(Frame& frame) {
    ondemand::field field;
    if ((*frame.members).get(field) != simdjson::SUCCESS) {
      return false;
    }
    const size_t key_offset = OffsetOf(field.key().raw()) - 1;
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS || !IsText(key)) {
      return false;
    }
    return ReadValue(frame, field.value(), key, key_offset);
  }

  bool ReadElement(Frame& frame) {
    ondemand::value value;
    if ((*frame.elements).get(value) != simdjson::SUCCESS) {
      return false;
    }
    return ReadValue(frame, value, {}, 0);
  }

  // simdjson turns the escape of a lone low surrogate into bytes that are not UTF-8.
  bool IsText(std::string_view unescaped) const {
    return !has_escapes_ || IsAscii(unescaped) || !FindBadUtf8(unescaped);
  }

  bool ReadValue(Frame& frame, ondemand::value value, std::string_view key, size_t key_offset) {
    if (tree_.nodes.size() > kNodesLeast + kNodesPerPoint * limits_.points_max) {
      Stop({DecodeError::kTooLarge,
            fmt::format("an object of more than {} values", tree_.nodes.size()), tree_.pointer,
            OffsetOf(value.raw_json_token().data())});
      return false;
    }
    const auto index = static_cast<uint32_t>(tree_.nodes.size());
    JsonNode& node = tree_.nodes.emplace_back();
    std::string_view token = value.raw_json_token();
    node.key = key;
    node.key_offset = key_offset;
    node.offset = OffsetOf(token.data());
    node.next = index + 1;
    if (node.offset >= end_) {
      return false;
    }
    token = text_.substr(node.offset, std::min(token.size(), end_ - node.offset));
    const char first = token.front();
    if (first == '{' || first == '[') {
      return depth_ < depth_max_ && ReadContainer(value, index);
    }
    if (!ReadScalar(value, token, node)) {
      return false;
    }
    Advance(frame);
    return true;
  }

  bool ReadContainer(ondemand::value value, uint32_t index) {
    ondemand::object object;
    ondemand::array array;
    if (text_[tree_[index].offset] == '{') {
      tree_.nodes[index].type = JsonNode::Type::kObject;
      return value.get_object().get(object) == simdjson::SUCCESS && Push(object, index);
    }
    tree_.nodes[index].type = JsonNode::Type::kArray;
    return value.get_array().get(array) == simdjson::SUCCESS && Push(array, index);
  }

  bool ReadScalar(ondemand::value value, std::string_view token, JsonNode& node) {
    switch (token.front()) {
      case '"':
        node.type = JsonNode::Type::kString;
        return value.get_string().get(node.text) == simdjson::SUCCESS && IsText(node.text);
      case 't':
      case 'f':
        node.type = JsonNode::Type::kBool;
        if (value.get_bool().get(node.truth) != simdjson::SUCCESS) {
          return false;
        }
        node.text = node.truth ? "true" : "false";
        return true;
      case 'n': {
        bool null = false;
        return value.is_null().get(null) == simdjson::SUCCESS && null;
      }
      default: {
        // The token is skipped, not read, by simdjson: its numbers can be wrong.
        node.type = JsonNode::Type::kNumber;
        node.text = TrimRight(token);
        const JsonNumber number = ParseJsonNumber(node.text);
        node.number = number.value;
        node.number_error = number.error;
        return number.error != NumberError::kGrammar;
      }
    }
  }

  std::string_view KeyOf(size_t node) const { return tree_[node].key; }

  // The second of two members with one name; of several such pairs the one that comes first.
  std::optional<size_t> FindDuplicate(size_t object) {
    members_.clear();
    for (size_t i = tree_.First(object); i != tree_.End(object); i = tree_.Next(i)) {
      members_.push_back(i);
    }
    return members_.size() <= kPairwiseMax ? FindDuplicateByPairs() : FindDuplicateBySorting();
  }

  std::optional<size_t> FindDuplicateByPairs() const {
    for (size_t i = 1; i < members_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (KeyOf(members_[i]) == KeyOf(members_[j])) {
          return members_[i];
        }
      }
    }
    return std::nullopt;
  }

  std::optional<size_t> FindDuplicateBySorting() {
    std::sort(members_.begin(), members_.end(), [this](size_t a, size_t b) {
      const int order = KeyOf(a).compare(KeyOf(b));
      return order != 0 ? order < 0 : a < b;
    });
    std::optional<size_t> twice;
    for (size_t i = 1; i < members_.size(); ++i) {
      const bool same = KeyOf(members_[i]) == KeyOf(members_[i - 1]);
      if (same && (!twice || members_[i] < *twice)) {
        twice = members_[i];
      }
    }
    return twice;
  }

  DecodeLimits limits_;
  std::vector<char> arena_;
  simdjson::ondemand::parser parser_;
  std::string_view text_;  // the payload in the arena, without white space at its end
  size_t begin_ = 0;       // of the present document
  size_t end_ = 0;         // of the present document; before it is opened: its begin
  bool has_escapes_ = false;
  bool has_lines_ = false;
  Root root_ = Root::kNone;
  ondemand::document document_;
  ondemand::array_iterator elements_;
  size_t element_ = 0;
  JsonTree tree_;
  std::array<Frame, kJsonDepthMax> frames_;
  size_t depth_ = 0;
  size_t depth_max_ = kJsonDepthMax;  // of an object, below what it stands in
  std::vector<size_t> members_;       // of the object that is searched for duplicates
  std::optional<DecodeFailure> failure_;
};

JsonReader::JsonReader(const DecodeLimits& limits) : walk_(std::make_unique<Walk>(limits)) {}
JsonReader::~JsonReader() = default;

std::optional<DecodeFailure> JsonReader::Open(std::string_view payload) {
  return walk_->Open(payload);
}
const JsonTree* JsonReader::Next() { return walk_->Next(); }
const std::optional<DecodeFailure>& JsonReader::failure() const { return walk_->failure(); }

}  // namespace rootnote
