// The binary under test as a process of its own, and a temporary folder for its files.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote::testing {

// The binary of this build: $ROOTNOTE_BINARY, which ctest sets.
std::string Binary();

struct Exit {
  int code = -1;
  std::string out, err;
};

// One run. Standard output and error go to files in a temporary folder, so that nothing blocks.
class Process {
 public:
  Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {},
          std::string input = "");
  ~Process();  // Ends what still runs.
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal) const;
  Exit Wait();
  std::string Out() const;
  std::string Err() const;
  // Whether `text` stands in the output before the process ends, or thirty seconds are over.
  bool Says(std::string_view text);

 private:
  bool Running();

  int pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::string folder_;
};

Exit RunBinary(std::vector<std::string> arguments,
               std::map<std::string, std::string> environment = {}, std::string input = "");

// A folder that goes with its owner.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string Path(std::string_view name) const;
  // Writes a file, returns its path.
  std::string Write(std::string_view name, std::string_view text) const;

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path);

// GET on loopback; status 0 when nobody listens.
struct HttpAnswer {
  int status = 0;
  std::string head, body;
};
HttpAnswer HttpGet(int port, std::string_view path);

}  // namespace rootnote::testing
