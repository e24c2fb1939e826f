#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "connectors/http/server.h"
#include "httplib.h"

namespace rootnote {
namespace {

using testing::HasSubstr;

HttpResponse Text(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Get("/metrics", [](const HttpRequest&) { return Text("up 1\n"); });
    server_.Get("/api/v1/incidents", [](const HttpRequest&) {
      return HttpResponse{200, "application/json", "[]"};
    });
    server_.Get("/api/v1/incidents/*", [](const HttpRequest& request) {
      return request.rest == "none" ? HttpResponse{404, "application/json", "{}"}
                                    : Text(request.path + "|" + request.rest);
    });
    server_.Get("/throws", [](const HttpRequest&) -> HttpResponse {
      throw std::runtime_error("not for the client");
    });
  }
  void Start() { ASSERT_TRUE(server_.Start().ok()); }
  httplib::Client Client() const { return httplib::Client("127.0.0.1", server_.port()); }

  HttpServer server_{HttpOptions{}};
};

TEST_F(HttpServerTest, RoutesAreExactOrEndInAStar) {
  Start();
  auto client = Client();
  const auto metrics = client.Get("/metrics?x=1");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  EXPECT_EQ(metrics->body, "up 1\n");
  EXPECT_EQ(metrics->get_header_value("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(client.Get("/api/v1/incidents")->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(client.Get("/api/v1/incidents/rn-1")->body, "/api/v1/incidents/rn-1|rn-1");
  EXPECT_EQ(client.Get("/api/v1/incidents/a%20b")->body, "/api/v1/incidents/a b|a b");
  EXPECT_EQ(client.Get("/api/v1/incidents/none")->status, 404);
  EXPECT_EQ(client.Get("/api/v1/incidents/none")->body, "{}");
}

TEST_F(HttpServerTest, WhatIsNotThereSaysSo) {
  Start();
  auto client = Client();
  const auto missing = client.Get("/nothing");
  EXPECT_EQ(missing->status, 404);
  EXPECT_THAT(missing->body, HasSubstr("/nothing"));
  EXPECT_EQ(client.Get("/metrics/")->status, 404);
  const auto posted = client.Post("/metrics", "body", "text/plain");
  EXPECT_EQ(posted->status, 405);
  EXPECT_EQ(posted->get_header_value("Allow"), "GET, HEAD");
  EXPECT_EQ(client.Delete("/metrics")->status, 405);
  EXPECT_EQ(client.Post("/nothing", "body", "text/plain")->status, 404);
  EXPECT_EQ(client.Get("/" + std::string(5000, 'a'))->status, 414);
  const auto head = client.Head("/metrics");
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
}

TEST_F(HttpServerTest, AnExceptionOrALargeBodyEndsTheRequestOnly) {
  Start();
  auto client = Client();
  const auto thrown = client.Get("/throws");
  EXPECT_EQ(thrown->status, 500);
  EXPECT_EQ(thrown->body.find("not for the client"), std::string::npos);
  const auto large = client.Post("/metrics", std::string(200'000, 'x'), "text/plain");
  if (large) {  // or the connection was cut while the client was still writing
    EXPECT_EQ(large->status, 413);
  }
  EXPECT_EQ(client.Get("/metrics")->status, 200);
}

TEST_F(HttpServerTest, NoMoreRequestsRunAtOnceThanThreads) {
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  int most = 0;
  bool go = false;
  HttpServer server({"127.0.0.1", 0, 3});
  server.Get("/slow", [&](const HttpRequest&) {
    std::unique_lock lock(mutex);
    most = std::max(most, ++running);
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
    --running;
    return Text("done");
  });
  ASSERT_TRUE(server.Start().ok());
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&] {
      httplib::Client client("127.0.0.1", server.port());
      client.set_read_timeout(30);
      const auto answer = client.Get("/slow");
      answered += answer && answer->body == "done" ? 1 : 0;
    });
  }
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return running == 3; }));
    go = true;
    changed.notify_all();
  }
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(answered, 20);
  EXPECT_EQ(most, 3);
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamed) {
  Start();
  HttpServer second({"127.0.0.1", server_.port(), 1});
  const absl::Status status = second.Start();
  ASSERT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr("127.0.0.1:" + std::to_string(server_.port())),
                             HasSubstr("in use")));
  HttpServer nowhere({"203.0.113.1", 0, 1});
  EXPECT_TRUE(absl::IsUnavailable(nowhere.Start()));
}

TEST_F(HttpServerTest, StopsAndStartsAgain) {
  Start();
  EXPECT_FALSE(server_.Start().ok());
  const int port = server_.port();
  server_.Stop();
  server_.Stop();
  EXPECT_FALSE(httplib::Client("127.0.0.1", port).Get("/metrics"));
  Start();
  EXPECT_EQ(Client().Get("/metrics")->status, 200);
}

}  // namespace
}  // namespace rootnote
