// Where a text stops being JSON. The decoders read with simdjson, which says that something is
// wrong but hardly where, and skips what it is not asked for; this checker is asked only then.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/decoder.h"

namespace rootnote {

inline constexpr size_t kJsonDepthMax = 16;

// The first fault in byte order of `text`, which is to be one JSON value with white space around
// it: kBadJson, kBadUtf8 (also a lone surrogate, which UTF-8 cannot say) or kTooDeep, with its
// pointer and its offset in `text`. nullopt: the text is JSON. Does not recurse.
std::optional<DecodeFailure> FindJsonFault(std::string_view text);

// The offset after the value that starts at `begin`: after its last bracket, or before the line
// ends if it has none; the size of `text` if a bracket stays open.
size_t FindJsonEnd(std::string_view text, size_t begin);

// The text, or its first bytes and an ellipsis: what failures quote stays short, whole UTF-8.
std::string Shown(std::string_view text, size_t bytes_max = 64);

// Appends "/name" to a JSON pointer, with `~` and `/` escaped (RFC 6901), a very long name cut.
void AppendPointer(std::string_view name, std::string& pointer);

// The length of the UTF-8 sequence at the front of `text`, 0 if it is invalid or cut off.
size_t Utf8Length(std::string_view text);
// The offset of the first byte that is not UTF-8; nullopt if there is none.
std::optional<size_t> FindBadUtf8(std::string_view text);

}  // namespace rootnote
