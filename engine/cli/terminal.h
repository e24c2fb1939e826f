// What a person sees: colours on a terminal (not in a pipe, not with NO_COLOR), aligned columns,
// progress on standard error for long work. Thread: one.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/status.h"

namespace rootnote {

enum class Ink : uint8_t { kPlain, kBold, kDim, kRed, kGreen, kYellow, kBlue };

class Terminal {
 public:
  explicit Terminal(std::FILE* stream);

  bool color() const { return color_; }
  bool interactive() const { return interactive_; }
  std::string Paint(Ink ink, std::string_view text) const;
  void Print(std::string_view text) const;  // As it is, no newline added.

  // One line that overwrites itself; nothing where the stream is no terminal. "" ends it.
  void Progress(std::string_view text);

 private:
  std::FILE* stream_;
  bool interactive_ = false;
  bool color_ = false;
  bool progress_shown_ = false;
};

// Columns padded to the widest cell; colour codes are not counted.
class Table {
 public:
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string Text(std::string_view indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "rootnote: what failed" on standard error; returns the exit code that fits.
int PrintFailure(const absl::Status& status);

}  // namespace rootnote
