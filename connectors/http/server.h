// A small HTTP server: paths to callbacks. cpp-httplib behind it; threads and bodies are capped;
// loopback unless told otherwise.
// Thread: callbacks run on the server's threads and must be thread-safe; Start and Stop are
// symmetric.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "schemas/base/status.h"

namespace rootnote {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpRequest {
  std::string path;
  std::string rest;  // what `*` stood for in the route
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: a free one
  size_t threads = 4;
};

// Answers GET and HEAD. What has no route is 404, another method on a route 405, a callback that
// throws 500, each with a line of text. One request per connection: an idle client keeps no thread.
class HttpServer {
 public:
  explicit HttpServer(HttpOptions options);
  ~HttpServer();

  // `path` is exact, or ends in `/*`; exact ones win, then the longest. Before Start.
  void Get(std::string path, std::function<HttpResponse(const HttpRequest&)> callback);

  // Unavailable with address and port when it cannot listen. After Stop it can be started again.
  absl::Status Start();
  void Stop();
  int port() const;  // after Start

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace rootnote
