#include "rules/lsp/framing.h"

#include <algorithm>
#include <charconv>

#include "fmt/core.h"

namespace rootnote {
namespace {

constexpr size_t kHeaderBytesMax = 4096;
constexpr size_t kMessageBytesMax = 64U << 20;

// The length in a header, whatever the case of its letters.
std::optional<size_t> LengthIn(std::string_view header) {
  constexpr std::string_view kName = "content-length:";
  while (!header.empty()) {
    const size_t end = std::min(header.find("\r\n"), header.size());
    std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + 2, header.size()));
    const bool named = line.size() > kName.size() &&
                       std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
                         return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
                       });
    if (!named) continue;
    line.remove_prefix(kName.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    size_t length = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), length);
    const bool whole = std::string_view(stop, static_cast<size_t>(line.data() + line.size() - stop))
                           .find_first_not_of(" \t") == std::string_view::npos;
    if (error != std::errc() || !whole || length > kMessageBytesMax) return std::nullopt;
    return length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> MessageFrames::Next() {
  if (broken_) return std::nullopt;
  const size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos || end > kHeaderBytesMax) {
    broken_ = buffer_.size() > kHeaderBytesMax;
    return std::nullopt;
  }
  const std::optional<size_t> length = LengthIn(std::string_view(buffer_).substr(0, end));
  if (!length) {
    broken_ = true;
    return std::nullopt;
  }
  const size_t begin = end + 4;
  if (buffer_.size() - begin < *length) return std::nullopt;
  std::string message = buffer_.substr(begin, *length);
  buffer_.erase(0, begin + *length);
  return message;
}

std::string Framed(std::string_view message) {
  return fmt::format("Content-Length: {}\r\n\r\n{}", message.size(), message);
}

}  // namespace rootnote
