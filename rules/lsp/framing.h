// The frames of the language server protocol: `Content-Length: N`, an empty line, N bytes.
// Source: Microsoft, "Language Server Protocol Specification 3.17", Base Protocol.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rootnote {

class MessageFrames {
 public:
  void Feed(std::string_view bytes) { buffer_ += bytes; }
  // The next whole message, if there is one. After a header without a length that makes sense,
  // `broken` holds and nothing more comes.
  std::optional<std::string> Next();
  bool broken() const { return broken_; }

 private:
  std::string buffer_;
  bool broken_ = false;
};

std::string Framed(std::string_view message);

}  // namespace rootnote
