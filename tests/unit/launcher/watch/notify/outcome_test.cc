#include "launcher/watch/notify/outcome.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace carrel::notify {
namespace {

Seen file() {
  Seen seen;
  seen.mode = S_IFREG | 0644;
  return seen;
}
Seen folder() {
  Seen seen;
  seen.mode = S_IFDIR | 0755;
  return seen;
}
Seen absent(bool parent_there, int parent_write = 0) {
  Seen seen;
  seen.error = ENOENT;
  seen.parent_there = parent_there;
  seen.parent_write = parent_write;
  return seen;
}

TEST(NotifyOutcome, OfOpeningWhatIsThere) {
  EXPECT_EQ(outcome_of_open(file(), O_RDONLY).error, 0);
  Seen shut = file();
  shut.may_write = EROFS;
  EXPECT_EQ(outcome_of_open(shut, O_RDONLY).error, 0);
  EXPECT_EQ(outcome_of_open(shut, O_WRONLY).error, EROFS);
  EXPECT_EQ(outcome_of_open(shut, O_RDWR).error, EROFS);
  EXPECT_EQ(outcome_of_open(shut, O_RDONLY | O_TRUNC).error, EROFS);
  EXPECT_EQ(outcome_of_open(shut, O_PATH | O_RDWR).error, 0);
  EXPECT_EQ(outcome_of_open(file(), O_CREAT | O_EXCL | O_WRONLY).error, EEXIST);
  EXPECT_EQ(outcome_of_open(file(), O_DIRECTORY).error, ENOTDIR);
  EXPECT_EQ(outcome_of_open(folder(), O_WRONLY).error, EISDIR);
  EXPECT_EQ(outcome_of_open(folder(), O_RDONLY | O_DIRECTORY).error, 0);
  Seen secret = file();
  secret.may_read = EACCES;
  EXPECT_EQ(outcome_of_open(secret, O_RDONLY).error, EACCES);
  EXPECT_EQ(outcome_of_open(secret, O_WRONLY).error, 0);
  Seen link = file();
  link.mode = S_IFLNK | 0777;
  EXPECT_EQ(outcome_of_open(link, O_RDONLY | O_NOFOLLOW).error, ELOOP);
}

TEST(NotifyOutcome, OfOpeningWhatIsNotThere) {
  EXPECT_EQ(outcome_of_open(absent(true), O_RDONLY).error, ENOENT);
  const Outcome made = outcome_of_open(absent(true), O_CREAT | O_WRONLY);
  EXPECT_EQ(made.error, 0);
  EXPECT_TRUE(made.created);
  EXPECT_EQ(outcome_of_open(absent(true, EROFS), O_CREAT | O_WRONLY).error, EROFS);
  EXPECT_FALSE(outcome_of_open(absent(true, EROFS), O_CREAT | O_WRONLY).created);
  EXPECT_EQ(outcome_of_open(absent(false), O_CREAT | O_WRONLY).error, ENOENT);
  Seen shut = absent(true);
  shut.error = EACCES;
  EXPECT_EQ(outcome_of_open(shut, O_CREAT | O_WRONLY).error, EACCES);
}

TEST(NotifyOutcome, OfWhatCannotBeKnownIsSuccess) {
  Seen seen;
  seen.unclear = true;
  seen.error = EXDEV;
  EXPECT_EQ(outcome_of_open(seen, O_RDWR).error, 0);
  EXPECT_EQ(outcome_of_exec(seen), 0);
  EXPECT_EQ(outcome_of_enter(seen), 0);
  EXPECT_EQ(outcome_of_removal(seen), 0);
  EXPECT_EQ(outcome_of_making(seen), 0);
  EXPECT_EQ(outcome_of_new_name(seen), 0);
}

TEST(NotifyOutcome, OfNames) {
  Seen program = file();
  EXPECT_EQ(outcome_of_exec(program), 0);
  program.may_execute = EACCES;
  EXPECT_EQ(outcome_of_exec(program), EACCES);
  EXPECT_EQ(outcome_of_exec(folder()), EACCES);
  EXPECT_EQ(outcome_of_exec(absent(true)), ENOENT);
  EXPECT_EQ(outcome_of_enter(folder()), 0);
  EXPECT_EQ(outcome_of_enter(file()), ENOTDIR);
  Seen held = file();
  held.parent_write = EROFS;
  EXPECT_EQ(outcome_of_removal(held), EROFS);
  EXPECT_EQ(outcome_of_new_name(held), EROFS);
  EXPECT_EQ(outcome_of_making(held), EEXIST);
  Seen root = folder();
  root.mounted = true;
  EXPECT_EQ(outcome_of_removal(root), EBUSY);
  EXPECT_EQ(outcome_of_new_name(root), EBUSY);
  root.parent_write = EROFS;
  EXPECT_EQ(outcome_of_removal(root), EROFS);
  EXPECT_EQ(outcome_of_removal(absent(true)), ENOENT);
  EXPECT_EQ(outcome_of_making(absent(true)), 0);
  EXPECT_EQ(outcome_of_making(absent(true, EROFS)), EROFS);
  EXPECT_EQ(outcome_of_new_name(absent(true)), 0);
}

int connect_to(const char* text) {
  std::string bytes;
  if (strchr(text, ':') == nullptr) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, text, &in.sin_addr), 1);
    bytes.assign(reinterpret_cast<const char*>(&in), sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, text, &in.sin6_addr), 1);
    bytes.assign(reinterpret_cast<const char*>(&in), sizeof in);
  }
  return outcome_of_connect(bytes);
}

TEST(NotifyOutcome, OnlyLoopbackCanBeReached) {
  for (const char* near : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"})
    EXPECT_EQ(connect_to(near), 0) << near;
  for (const char* far :
       {"192.0.2.1", "10.0.0.1", "128.0.0.1", "2001:db8::1", "fe80::1", "::ffff:192.0.2.1"})
    EXPECT_EQ(connect_to(far), ENETUNREACH) << far;
  EXPECT_EQ(outcome_of_connect(""), 0);
  EXPECT_EQ(outcome_of_connect(std::string("\2\0", 2)), 0);
}

}  // namespace
}  // namespace carrel::notify
