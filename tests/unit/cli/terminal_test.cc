#include "engine/cli/terminal.h"

#include <cstdlib>

#include "gtest/gtest.h"

#include "engine/cli/exit_code.h"

namespace rootnote {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table;
  table.Row({"a", "bb", "c"});
  table.Row({"long", "b", "last"});
  table.Row({"x"});
  EXPECT_EQ(table.Text("  "),
            "  a     bb  c\n"
            "  long  b   last\n"
            "  x\n");
  EXPECT_EQ(Table().Text(), "");
}

TEST(TableTest, WhatIsNotSeenTakesNoRoom) {
  Table table;
  table.Row({"\x1b[31mred\x1b[0m", "|"});
  table.Row({"Zürich → Tōkyō", "|"});
  table.Row({"plain", "|"});
  EXPECT_EQ(table.Text(),
            "\x1b[31mred\x1b[0m             |\n"
            "Zürich → Tōkyō  |\n"
            "plain           |\n");
}

TEST(TableTest, ACutColourCodeEndsTheCell) {
  Table table;
  table.Row({"\x1b[31", "|"});
  table.Row({"ab", "|"});
  EXPECT_EQ(table.Text(), "\x1b[31    |\nab  |\n");
}

TEST(TerminalTest, AFileGetsNoColoursAndNoProgress) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  Terminal terminal(file);
  EXPECT_FALSE(terminal.interactive());
  EXPECT_FALSE(terminal.color());
  EXPECT_EQ(terminal.Paint(Ink::kRed, "x"), "x");
  terminal.Progress("half");
  terminal.Progress("");
  EXPECT_EQ(std::ftell(file), 0);
  terminal.Print("text");
  EXPECT_EQ(std::ftell(file), 4);
  std::fclose(file);
}

TEST(ExitCodeTest, EachFailureHasItsCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 78);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 66);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 69);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), 74);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), 74);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 70);
}

}  // namespace
}  // namespace rootnote
