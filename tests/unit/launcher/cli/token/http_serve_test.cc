// One request over a socket, as inetd hands it over.

#include "launcher/cli/token/http_serve.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "profiles/base/unique_fd.h"

namespace carrel::token {
namespace {

using Clock = std::chrono::steady_clock;

const std::string kPost =
    "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n"
    "\r\ntoken=a.b";

struct Wire {
  Wire() {
    signal(SIGPIPE, SIG_IGN);
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) abort();
    client.reset(ends[0]);
    server.reset(ends[1]);
    err = std::tmpfile();
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { std::fclose(err); }

  void send(const std::string& bytes) const {
    ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  bool serve(int patience_ms = 2000) {
    const bool ok = serve_http(
        server.get(), server.get(), err,
        [this](const std::string& token, int left_ms) {
          asked = token;
          patience = left_ms;
          return answer;
        },
        patience_ms);
    server.reset();
    return ok;
  }
  std::string received() const {
    std::string all;
    std::array<char, 4096> room{};
    ssize_t got = 0;
    while ((got = read(client.get(), room.data(), room.size())) > 0)
      all.append(room.data(), static_cast<size_t>(got));
    EXPECT_EQ(got, 0) << "an end in order, no reset";
    return all;
  }
  std::string complaint() const {
    std::rewind(err);
    std::array<char, 4096> room{};
    return {room.data(), std::fread(room.data(), 1, room.size(), err)};
  }

  UniqueFd client;
  UniqueFd server;
  std::FILE* err = nullptr;
  std::string asked;
  int patience = 0;
  Result<std::string> answer = std::string(R"({"active":false})");
};

TEST(HttpServe, AsksForTheTokenAndAnswers) {
  Wire wire;
  wire.send(kPost);
  EXPECT_TRUE(wire.serve());
  EXPECT_EQ(wire.asked, "a.b");
  EXPECT_GT(wire.patience, 0);
  EXPECT_LE(wire.patience, 2000);
  EXPECT_TRUE(wire.received().ends_with("Connection: close\r\n\r\n{\"active\":false}"));
}

TEST(HttpServe, AnswersOneRequestAndNoSecond) {
  Wire wire;
  wire.send(kPost + kPost);
  EXPECT_TRUE(wire.serve());
  const std::string got = wire.received();
  EXPECT_EQ(got.rfind("HTTP/1.1"), 0U) << got;
}

TEST(HttpServe, SaysWhereNobodyCouldBeAsked) {
  Wire wire;
  wire.send(kPost);
  wire.answer = Error{"connect broker.sock", ECONNREFUSED};
  EXPECT_FALSE(wire.serve());
  EXPECT_TRUE(wire.received().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(wire.complaint(),
            "carrel token: connect broker.sock: ECONNREFUSED (Connection refused)\n");
}

TEST(HttpServe, RefusesWithoutAsking) {
  Wire wire;
  wire.send("GET / HTTP/1.1\r\n\r\n");
  shutdown(wire.client.get(), SHUT_WR);
  EXPECT_TRUE(wire.serve());
  EXPECT_EQ(wire.asked, "");
  EXPECT_TRUE(wire.received().starts_with("HTTP/1.1 405 "));
}

TEST(HttpServe, ToldAtTheEndThatTheRequestWasNone) {
  Wire wire;
  wire.send(kPost.substr(0, kPost.size() - 1));
  shutdown(wire.client.get(), SHUT_WR);
  EXPECT_TRUE(wire.serve());
  EXPECT_TRUE(wire.received().starts_with("HTTP/1.1 400 "));
}

TEST(HttpServe, WaitsForASlowClientUntilItsDeadline) {
  Wire wire;
  wire.send(kPost.substr(0, kPost.size() - 1));
  const auto began = Clock::now();
  EXPECT_TRUE(wire.serve(100));
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(wire.asked, "");
  EXPECT_TRUE(wire.received().starts_with("HTTP/1.1 408 "));
}

TEST(HttpServe, ADripDoesNotMoveTheDeadline) {
  Wire wire;
  const int client = wire.client.get();
  std::atomic<bool> stop = false;
  std::thread drip([client, &stop] {
    for (const char byte : std::string(1000, 'P')) {
      if (stop || ::send(client, &byte, 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  const auto began = Clock::now();
  EXPECT_TRUE(wire.serve(200));
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(5));
  stop = true;
  drip.join();
  EXPECT_TRUE(wire.received().starts_with("HTTP/1.1 408 "));
}

TEST(HttpServe, TellsAClientThatWaitsToSendItsBody) {
  Wire wire;
  std::string head = kPost.substr(0, kPost.size() - 11) + "\r\nExpect: 100-continue\r\n\r\n";
  head.erase(head.find("\r\n\r\n"), 2);
  const int client = wire.client.get();
  std::thread talk([client, head] {
    ASSERT_EQ(::send(client, head.data(), head.size(), 0), static_cast<ssize_t>(head.size()));
    std::array<char, 25> room{};
    ASSERT_EQ(recv(client, room.data(), room.size(), MSG_WAITALL), 25);
    ASSERT_EQ(std::string(room.data(), room.size()), "HTTP/1.1 100 Continue\r\n\r\n");
    ASSERT_EQ(::send(client, "token=a.b", 9, 0), 9);
  });
  EXPECT_TRUE(wire.serve());
  talk.join();
  EXPECT_EQ(wire.asked, "a.b");
}

TEST(HttpServe, AClientThatHasGoneIsNoSuccess) {
  Wire wire;
  wire.send(kPost);
  wire.client.reset();
  EXPECT_FALSE(wire.serve());
}

TEST(HttpServe, WhatWasSentPastARefusalIsReadSoThatTheAnswerArrives) {
  Wire wire;
  wire.send("GET / HTTP/1.1\r\n\r\n" + std::string(50'000, 'x'));
  shutdown(wire.client.get(), SHUT_WR);
  EXPECT_TRUE(wire.serve());
  EXPECT_TRUE(wire.received().starts_with("HTTP/1.1 405 "));
}

}  // namespace
}  // namespace carrel::token
