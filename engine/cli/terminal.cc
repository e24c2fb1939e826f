#include "engine/cli/terminal.h"

#include <algorithm>
#include <cstdlib>

#include "fmt/format.h"
#include <unistd.h>

#include "engine/cli/exit_code.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

std::string_view Code(Ink ink) {
  switch (ink) {
    case Ink::kPlain:
      return "";
    case Ink::kBold:
      return "\x1b[1m";
    case Ink::kDim:
      return "\x1b[2m";
    case Ink::kRed:
      return "\x1b[31m";
    case Ink::kGreen:
      return "\x1b[32m";
    case Ink::kYellow:
      return "\x1b[33m";
    case Ink::kBlue:
      return "\x1b[34m";
  }
  return "";
}

// Code points on the screen: colour codes and continuation bytes of UTF-8 take no room.
size_t Width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++width;
  }
  return width;
}

}  // namespace

Terminal::Terminal(std::FILE* stream) : stream_(stream) {
  const char* term = std::getenv("TERM");
  interactive_ = isatty(fileno(stream)) != 0;
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  const char* no_color = std::getenv("NO_COLOR");
  color_ = interactive_ && !dumb && (no_color == nullptr || *no_color == '\0');
}

std::string Terminal::Paint(Ink ink, std::string_view text) const {
  if (!color_ || ink == Ink::kPlain) return std::string(text);
  return fmt::format("{}{}\x1b[0m", Code(ink), text);
}

void Terminal::Print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
}

void Terminal::Progress(std::string_view text) {
  if (!interactive_) return;
  if (text.empty() && !progress_shown_) return;
  Print(fmt::format("\r\x1b[K{}", text));
  progress_shown_ = !text.empty();
}

std::string Table::Text(std::string_view indent) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    text += indent;
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitConfig;
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNoInput;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kResourceExhausted:
      return kExitIo;
    default:
      return kExitInternal;
  }
}

int PrintFailure(const absl::Status& status) {
  const Terminal terminal(stderr);
  terminal.Print(
      fmt::format("{} {}\n", terminal.Paint(Ink::kRed, "rootnote:"), ToStd(status.message())));
  return ExitCodeOf(status);
}

}  // namespace rootnote
