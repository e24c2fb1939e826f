#include "tests/unit/cli/process.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rootnote::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

std::string TemporaryFolder() {
  std::string name = ::testing::TempDir() + "rootnote-cli-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    ADD_FAILURE() << "no temporary folder: " << name;
  }
  return name;
}

// The environment of this process with some variables set, as execve wants it.
std::vector<std::string> EnvironmentWith(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!variables.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : variables) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string Binary() {
  const char* path = std::getenv("ROOTNOTE_BINARY");
  return path == nullptr ? "" : path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Process::Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment,
                 std::string input)
    : folder_(TemporaryFolder()) {
  arguments.insert(arguments.begin(), Binary());
  std::ofstream(folder_ + "/in", std::ios::binary) << input;
  const std::string in = folder_ + "/in", out = folder_ + "/out", err = folder_ + "/err";
  constexpr int kCreate = O_WRONLY | O_CREAT;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), kCreate, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), kCreate, 0600);
  std::vector<std::string> variables = EnvironmentWith(environment);
  if (posix_spawn(&pid_, arguments[0].c_str(), &files, nullptr, Pointers(arguments).data(),
                  Pointers(variables).data()) != 0) {
    ADD_FAILURE() << "cannot be run: " << arguments[0];
    ended_ = true;
  }
  posix_spawn_file_actions_destroy(&files);
}

Process::~Process() {
  if (!ended_) {
    Signal(SIGKILL);
    waitpid(pid_, &status_, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Process::Signal(int signal) const { kill(pid_, signal); }

std::string Process::Out() const { return ReadFile(folder_ + "/out"); }
std::string Process::Err() const { return ReadFile(folder_ + "/err"); }

bool Process::Running() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

bool Process::Says(std::string_view text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const bool running = Running();  // Before reading: what it said last must be seen.
    const std::string said = Out() + Err();
    if (said.find(text) != std::string::npos) return true;
    if (!running || std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 5);
  }
}

Exit Process::Wait() {
  const auto deadline = std::chrono::steady_clock::now() + 4 * kPatience;
  while (Running()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "the process does not end";
      Signal(SIGKILL);
    }
    poll(nullptr, 0, 2);
  }
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  return {code, Out(), Err()};
}

Exit RunBinary(std::vector<std::string> arguments, std::map<std::string, std::string> environment,
               std::string input) {
  return Process(std::move(arguments), std::move(environment), std::move(input)).Wait();
}

Folder::Folder() : path_(TemporaryFolder()) {}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::Path(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

std::string Folder::Write(std::string_view name, std::string_view text) const {
  std::ofstream(Path(name), std::ios::binary) << text;
  return Path(name);
}

HttpAnswer HttpGet(int port, std::string_view path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(got));
    }
  }
  close(fd);
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  return {std::atoi(answer.c_str() + answer.find(' ')), answer.substr(0, end),
          answer.substr(end + 4)};
}

}  // namespace rootnote::testing
