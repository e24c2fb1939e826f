#include "rules/unquote.h"

#include "fmt/core.h"

namespace rootnote {
namespace {

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

void AppendUtf8(uint32_t code, std::string& to) {
  const auto byte = [&to](uint32_t value) { to += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

// The character that a one-letter escape stands for; '\0' for none.
char SimpleEscape(char c, char quote) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
      return '\\';
    default:
      return c == quote ? quote : '\0';
  }
}

class Unquoter {
 public:
  Unquoter(std::string_view quoted, UnquoteError& error, ByteEscapes bytes)
      : text_(quoted),
        quote_(quoted.front()),
        end_(quoted.size() - 1),
        bytes_(bytes),
        error_(error) {}

  std::optional<std::string> Run() {
    while (at_ < end_) {
      if (text_[at_] != '\\' || quote_ == '`') {
        const size_t length = CodePointLength(text_.substr(at_, end_ - at_));
        if (length == 0) {
          Fail(UnquoteError::Kind::kInvalidUtf8, at_ + 1, "invalid UTF-8 in a string");
          return std::nullopt;
        }
        out_.append(text_, at_, length);
        at_ += length;
      } else if (!Escape()) {
        return std::nullopt;
      }
    }
    return std::move(out_);
  }

 private:
  bool Escape() {
    const char c = at_ + 1 < end_ ? text_[at_ + 1] : '\0';
    if (const char simple = SimpleEscape(c, quote_); simple != '\0') {
      out_ += simple;
      at_ += 2;
      return true;
    }
    switch (c) {
      case 'x':
        return Number(at_ + 2, 2, 16, 0xFF);
      case 'u':
        return Number(at_ + 2, 4, 16, 0x10FFFF);
      case 'U':
        return Number(at_ + 2, 8, 16, 0x10FFFF);
      default:
        break;
    }
    if (c >= '0' && c <= '7') return Number(at_ + 1, 3, 8, 0xFF);
    if (c == '\0')
      return Fail(UnquoteError::Kind::kInvalidEscape, at_ + 1, "escape sequence not terminated");
    const size_t length = CodePointLength(text_.substr(at_ + 1, end_ - at_ - 1));
    return Fail(UnquoteError::Kind::kInvalidEscape, at_ + 1 + (length == 0 ? 1 : length),
                length == 0
                    ? "unknown escape sequence"
                    : fmt::format("unknown escape sequence \\{}", text_.substr(at_ + 1, length)));
  }

  bool Number(size_t from, size_t digits, int base, uint32_t max) {
    uint64_t code = 0;
    for (size_t i = from; i < from + digits; ++i) {
      const int digit = i < end_ ? DigitValue(text_[i]) : 99;
      if (digit >= base) {
        return Fail(
            UnquoteError::Kind::kInvalidEscape, i < end_ ? i + 1 : end_,
            i < end_ ? "illegal character in escape sequence" : "escape sequence not terminated");
      }
      code = code * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit);
    }
    if (code > max) {
      return Fail(UnquoteError::Kind::kInvalidEscape, from + digits,
                  "escape sequence is above the largest code");
    }
    if (code >= 0xD800 && code < 0xE000) {
      return Fail(UnquoteError::Kind::kInvalidEscape, from + digits,
                  "escape sequence is an invalid Unicode code point");
    }
    // \x and octal escapes of Go are bytes; labels are UTF-8.
    if (max == 0xFF && code > 0x7F) {
      if (bytes_ == ByteEscapes::kMustBeUtf8) {
        return Fail(UnquoteError::Kind::kInvalidUtf8, from + digits,
                    "escape sequence gives a byte that is not UTF-8");
      }
      out_ += static_cast<char>(code);
    } else {
      AppendUtf8(static_cast<uint32_t>(code), out_);
    }
    at_ = from + digits;
    return true;
  }

  bool Fail(UnquoteError::Kind kind, size_t end, std::string message) {
    error_ = {kind, at_, end, std::move(message)};
    return false;
  }

  const std::string_view text_;
  const char quote_;
  const size_t end_;
  const ByteEscapes bytes_;
  UnquoteError& error_;
  size_t at_ = 1;
  std::string out_;
};

}  // namespace

std::optional<std::string> Unquote(std::string_view quoted, UnquoteError& error,
                                   ByteEscapes bytes) {
  return Unquoter(quoted, error, bytes).Run();
}

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const size_t length = CodePointLength(text.substr(at));
    if (length > 1) {
      quoted += text.substr(at, length);
      at += length - 1;
      continue;
    }
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      default:
        if (length == 0 || static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          quoted += c;
        }
    }
  }
  return quoted + '"';
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CodePointLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t CodePointLength(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

}  // namespace rootnote
