// Strings as PromQL writes them: '…' and "…" with Go's escapes, `…` as they stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rootnote {

struct UnquoteError {
  enum class Kind : uint8_t { kInvalidEscape, kInvalidUtf8 };
  Kind kind = Kind::kInvalidEscape;
  size_t begin = 0, end = 0;  // within the quoted text
  std::string message;
};

// What \xff means, an escape for a byte that is no character: an error, or the byte, as in Go.
enum class ByteEscapes : uint8_t { kMustBeUtf8, kAnyByte };

// The text between the quotes of `quoted` (which has both) with its escapes replaced; nothing and
// `error` for an unknown escape or what is not UTF-8 in the end.
std::optional<std::string> Unquote(std::string_view quoted, UnquoteError& error,
                                   ByteEscapes bytes = ByteEscapes::kMustBeUtf8);

// "…" with escapes, such that Unquote gives `text` back (with kAnyByte if it is not UTF-8).
std::string Quote(std::string_view text);

bool IsUtf8(std::string_view text);

// Bytes of the code point that `text` begins with; 0 when it is not valid UTF-8 (or empty).
size_t CodePointLength(std::string_view text);

}  // namespace rootnote
