#include "schemas/json_syntax.h"

#include <array>
#include <cstdint>

#include "fmt/format.h"

#include "schemas/json_number.h"

namespace rootnote {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::optional<uint32_t> HexDigits(std::string_view text) {
  if (text.size() < 4) {
    return std::nullopt;
  }
  uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<uint32_t>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}

class SyntaxChecker {
 public:
  explicit SyntaxChecker(std::string_view text) : text_(text) {}

  std::optional<DecodeFailure> Check() {
    if (!Value()) {
      return fault_;
    }
    while (depth_ > 0) {
      if (!Element()) {
        return fault_;
      }
    }
    SkipSpace();
    if (at_ < text_.size()) {
      Fail("something follows the end of the value");
    }
    return fault_;
  }

 private:
  // An open bracket. The key is the text between the quotes, as it stands.
  struct Frame {
    bool is_object = false;
    bool started = false;
    std::string_view key;
    size_t index = 0;
  };

  bool Fail(std::string detail, DecodeError error = DecodeError::kBadJson) {
    if (at_ >= text_.size() && error == DecodeError::kBadJson) {
      detail = "the text ends too early: " + detail;
    }
    DecodeFailure failure{error, std::move(detail), "", at_ < text_.size() ? at_ : text_.size()};
    for (size_t i = 0; i < depth_; ++i) {
      const Frame& frame = frames_[i];
      if (frame.started) {
        AppendPointer(frame.is_object ? std::string(frame.key) : std::to_string(frame.index),
                      failure.pointer);
      }
    }
    fault_ = std::move(failure);
    return false;
  }

  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) {
      ++at_;
    }
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // One step inside the innermost bracket: its end, or one more member up to its own first bracket.
  bool Element() {
    Frame& frame = frames_[depth_ - 1];
    SkipSpace();
    if (at_ < text_.size() && Peek() == (frame.is_object ? '}' : ']')) {
      ++at_;
      --depth_;
      return true;
    }
    if (frame.started) {
      if (Peek() != ',') {
        return Fail(frame.is_object ? "a comma or } is missing" : "a comma or ] is missing");
      }
      ++at_;
      SkipSpace();
      ++frame.index;
    }
    if (frame.is_object && !Key(frame)) {
      return false;
    }
    frame.started = true;
    return Value();
  }

  bool Key(Frame& frame) {
    if (Peek() != '"') {
      return Fail("a key in double quotes is missing");
    }
    const size_t start = at_ + 1;
    if (!String()) {
      return false;
    }
    frame.key = text_.substr(start, at_ - start - 1);
    frame.started = true;
    SkipSpace();
    if (Peek() != ':') {
      return Fail("a colon is missing after the key");
    }
    ++at_;
    return true;
  }

  bool Value() {
    SkipSpace();
    switch (Peek()) {
      case '{':
      case '[':
        return Open();
      case '"':
        return String();
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Open() {
    if (depth_ == kJsonDepthMax) {
      return Fail(fmt::format("nested deeper than {}", kJsonDepthMax), DecodeError::kTooDeep);
    }
    frames_[depth_++] = {.is_object = text_[at_] == '{'};
    ++at_;
    return true;
  }

  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) {
      return Fail("no JSON value");
    }
    at_ += word.size();
    return true;
  }

  bool Number() {
    const size_t length = JsonNumberLength(text_.substr(at_));
    if (length > 0) {
      at_ += length;
      return true;
    }
    if (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) >= 0x80 &&
        Utf8Length(text_.substr(at_)) == 0) {
      return Fail("invalid UTF-8", DecodeError::kBadUtf8);
    }
    return Fail("no JSON value");
  }

  bool String() {
    ++at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) {
        return Fail("a control character in a string is not escaped");
      }
      if (c == '\\') {
        if (!Escape()) {
          return false;
        }
        continue;
      }
      const size_t length = Utf8Length(text_.substr(at_));
      if (length == 0) {
        return Fail("invalid UTF-8", DecodeError::kBadUtf8);
      }
      at_ += length;
    }
    return Fail("a string is not closed");
  }

  bool Escape() {
    const std::string_view rest = text_.substr(at_ + 1);
    if (rest.empty()) {
      at_ = text_.size();
      return Fail("a string is not closed");
    }
    if (rest.front() != 'u') {
      if (std::string_view("\"\\/bfnrt").find(rest.front()) == std::string_view::npos) {
        return Fail("an unknown escape in a string");
      }
      at_ += 2;
      return true;
    }
    const std::optional<uint32_t> unit = HexDigits(rest.substr(1));
    if (!unit) {
      return Fail("\\u needs four hexadecimal digits");
    }
    if (*unit < 0xD800 || *unit > 0xDFFF) {
      at_ += 6;
      return true;
    }
    const bool pair_follows = *unit < 0xDC00 && rest.substr(5, 2) == "\\u";
    const std::optional<uint32_t> low = pair_follows ? HexDigits(rest.substr(7)) : std::nullopt;
    if (!low || *low < 0xDC00 || *low > 0xDFFF) {
      return Fail("a lone surrogate", DecodeError::kBadUtf8);
    }
    at_ += 12;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  std::array<Frame, kJsonDepthMax> frames_;
  std::optional<DecodeFailure> fault_;
};

}  // namespace

std::optional<DecodeFailure> FindJsonFault(std::string_view text) {
  return SyntaxChecker(text).Check();
}

size_t FindJsonEnd(std::string_view text, size_t begin) {
  if (begin >= text.size() || (text[begin] != '{' && text[begin] != '[')) {
    const size_t line_end = text.find('\n', begin);
    return line_end == std::string_view::npos ? text.size() : line_end;
  }
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

std::string Shown(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) {
    return std::string(text);
  }
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) {
    --bytes_max;
  }
  return std::string(text.substr(0, bytes_max)) + "…";
}

void AppendPointer(std::string_view name, std::string& pointer) {
  constexpr size_t kLongestName = 128;
  pointer += '/';
  for (const char c : Shown(name, kLongestName)) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  if (text.empty()) {
    return 0;
  }
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return continues(1) ? 2 : 0;
  }
  if ((lead & 0xF0) == 0xE0 && continues(1) && continues(2)) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && continues(1) && continues(2) && continues(3)) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

std::optional<size_t> FindBadUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = Utf8Length(text.substr(at));
    if (length == 0) {
      return at;
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace rootnote
