#include "connectors/http/server.h"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include <sys/socket.h>

#include "httplib.h"

namespace rootnote {
namespace {

constexpr size_t kBodyBytesMax = 64U << 10;
constexpr size_t kWaitingMax = 64;  // connections; more stay in the kernel's queue
constexpr time_t kClientSeconds = 2;
constexpr size_t kPathBytesMax = 1024;

// A fixed number of threads, and a bounded queue: who accepts waits while it is full.
class BoundedThreads : public httplib::TaskQueue {
 public:
  explicit BoundedThreads(size_t threads) {
    for (size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { Run(); });
    }
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.size() < kWaitingMax; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

 private:
  // Tasks own their connections: all are run, also after the end.
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ended_ || !tasks_.empty(); });
      if (tasks_.empty()) {
        return;
      }
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      changed_.notify_all();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  bool ended_ = false;
};

// Without httplib's SO_REUSEPORT, with which two servers share a port unnoticed.
void SetSocketOptions(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

}  // namespace

class HttpServer::Listener {
 public:
  using Callback = std::function<HttpResponse(const HttpRequest&)>;

  explicit Listener(HttpOptions options) : options_(std::move(options)) {}

  void Add(std::string path, Callback callback) { routes_[std::move(path)] = std::move(callback); }
  absl::Status Start();
  void Stop();
  int port() const { return port_; }

 private:
  const Callback* Find(const std::string& path, std::string& rest) const;
  void Answer(const httplib::Request& request, httplib::Response& response) const;
  void Configure(httplib::Server& server, std::shared_ptr<std::promise<void>> running) const;

  const HttpOptions options_;
  std::map<std::string, Callback> routes_;  // fixed while it runs
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
  int port_ = 0;
};

namespace {

void Write(httplib::Response& response, int status, const std::string& body,
           const std::string& type = "text/plain; charset=utf-8") {
  response.status = status;
  response.set_content(body, type);
}

}  // namespace

const HttpServer::Listener::Callback* HttpServer::Listener::Find(const std::string& path,
                                                                 std::string& rest) const {
  const auto exact = routes_.find(path);
  if (exact != routes_.end() && !path.ends_with("/*")) {
    return &exact->second;
  }
  for (size_t slash = path.rfind('/'); slash != std::string::npos;
       slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
    const auto found = routes_.find(path.substr(0, slash) + "/*");
    if (found != routes_.end()) {
      rest = path.substr(slash + 1);
      return &found->second;
    }
  }
  return nullptr;
}

void HttpServer::Listener::Answer(const httplib::Request& request,
                                  httplib::Response& response) const {
  HttpRequest ours{request.path, {}};
  const Callback* callback = Find(request.path, ours.rest);
  if (callback == nullptr) {
    Write(response, 404, fmt::format("not found: {}\n", request.path));
  } else if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    Write(response, 405, fmt::format("{} is not allowed on {}\n", request.method, request.path));
  } else {
    const HttpResponse answer = (*callback)(ours);
    Write(response, answer.status, answer.body, answer.content_type);
  }
}

void HttpServer::Listener::Configure(httplib::Server& server,
                                     std::shared_ptr<std::promise<void>> running) const {
  server.set_socket_options(SetSocketOptions);
  server.set_payload_max_length(kBodyBytesMax);
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(kClientSeconds);
  server.set_write_timeout(kClientSeconds);
  // Called once the server is in its loop: only then can it be stopped.
  server.new_task_queue = [this, running = std::move(running)] {
    auto threads = std::make_unique<BoundedThreads>(std::max<size_t>(1, options_.threads));
    running->set_value();
    return threads.release();
  };
  // Ours has the routes; httplib's patterns only make it read the bodies of other methods.
  const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
    Answer(request, response);
  };
  server.Post("[^]*", answer);
  server.Put("[^]*", answer);
  server.Patch("[^]*", answer);
  server.Delete("[^]*", answer);
  server.Options("[^]*", answer);
  server.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        if (request.path.size() > kPathBytesMax) {
          Write(response, 414, fmt::format("the path is longer than {} bytes\n", kPathBytesMax));
        } else if (request.method == "GET" || request.method == "HEAD") {
          Answer(request, response);
        } else {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        return httplib::Server::HandlerResponse::Handled;
      });
  server.set_exception_handler([](const httplib::Request& request, httplib::Response& response,
                                  const std::exception_ptr& /*exception*/) {
    Write(response, 500, fmt::format("an error of ours on {}\n", request.path));
  });
  server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty()) {
      Write(response, response.status, fmt::format("error {}\n", response.status));
    }
  });
}

absl::Status HttpServer::Listener::Start() {
  if (server_ != nullptr) {
    return absl::FailedPreconditionError("the HTTP server runs already");
  }
  server_ = std::make_unique<httplib::Server>();
  const auto running = std::make_shared<std::promise<void>>();
  Configure(*server_, running);
  errno = 0;
  port_ = options_.port;
  const bool bound = options_.port == 0 ? (port_ = server_->bind_to_any_port(options_.address)) > 0
                                        : server_->bind_to_port(options_.address, options_.port);
  if (!bound) {
    const int error = errno;
    server_.reset();
    return absl::UnavailableError(
        fmt::format("HTTP cannot listen on {}:{}: {}", options_.address, options_.port,
                    error == 0 ? "no such address" : std::strerror(error)));
  }
  thread_ = std::thread([server = server_.get()] { server->listen_after_bind(); });
  running->get_future().wait();
  return absl::OkStatus();
}

void HttpServer::Listener::Stop() {
  if (server_ == nullptr) {
    return;
  }
  server_->stop();
  thread_.join();
  server_.reset();
}

HttpServer::HttpServer(HttpOptions options)
    : listener_(std::make_unique<Listener>(std::move(options))) {}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Get(std::string path, std::function<HttpResponse(const HttpRequest&)> callback) {
  listener_->Add(std::move(path), std::move(callback));
}

absl::Status HttpServer::Start() { return listener_->Start(); }
void HttpServer::Stop() { listener_->Stop(); }
int HttpServer::port() const { return listener_->port(); }

}  // namespace rootnote
