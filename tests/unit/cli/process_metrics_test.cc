#include "engine/cli/process_metrics.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <unistd.h>

#include "tests/unit/cli/process.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

std::string TextOf(const std::string& proc) {
  Metrics metrics;
  metrics.OnRead([&](MetricSamples& samples) { ReadProcess(proc, samples); });
  return metrics.Text();
}

TEST(ProcessMetricsTest, FieldsAreThoseOfProc5) {
  const testing::Folder folder;
  std::filesystem::create_directories(folder.Path("self/fd"));
  for (const char* name : {"0", "1", "2"}) folder.Write(std::string("self/fd/") + name, "");
  // The name may hold brackets and blanks.
  folder.Write("self/stat",
               "7 (a) b) c) S 1 1 1 0 -1 4194560 1 0 0 0 250 150 0 0 20 0 9 0 3000 8192 5 "
               "18446744073709551615 1 1 0 0\n");
  folder.Write("stat", "cpu 1 2\nbtime 1000\nprocesses 5\n");
  folder.Write("self/limits",
               "Limit                     Soft Limit           Hard Limit           Units\n"
               "Max open files            1024                 4096                 files\n");
  ASSERT_EQ(sysconf(_SC_CLK_TCK), 100);
  EXPECT_THAT(TextOf(folder.Path("")),
              AllOf(HasSubstr("\nprocess_cpu_seconds_total 4\n"),
                    HasSubstr("\nprocess_start_time_seconds 1030\n"),
                    HasSubstr("\nprocess_virtual_memory_bytes 8192\n"),
                    HasSubstr("\nprocess_resident_memory_bytes " +
                              std::to_string(5 * sysconf(_SC_PAGESIZE)) + "\n"),
                    HasSubstr("\nprocess_open_fds 3\n"), HasSubstr("\nprocess_max_fds 1024\n")));
}

TEST(ProcessMetricsTest, WhatCannotBeReadIsLeftOut) {
  const testing::Folder folder;
  EXPECT_EQ(TextOf(folder.Path("none")), "");
  std::filesystem::create_directories(folder.Path("self"));
  folder.Write("self/stat", "7 (a) S 1");
  folder.Write("self/limits", "Max open files unlimited unlimited files\n");
  EXPECT_EQ(TextOf(folder.Path("")), "");
}

TEST(ProcessMetricsTest, ThisProcessHasThem) {
  EXPECT_THAT(TextOf("/proc"), AllOf(HasSubstr("# TYPE process_cpu_seconds_total counter"),
                                     ContainsRegex("process_resident_memory_bytes [1-9]"),
                                     ContainsRegex("process_open_fds [1-9]"),
                                     ContainsRegex("process_start_time_seconds 1[0-9]{9}")));
}

}  // namespace
}  // namespace rootnote
