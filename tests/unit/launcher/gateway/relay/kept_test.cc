// What one gateway leaves to the next: as it stood at the moment of its death, and believed no
// further than it fits.

#include "launcher/gateway/relay/kept.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "launcher/gateway/relay/flow_numbers.h"

namespace carrel::gateway {
namespace {

Kept create() {
  auto made = Kept::create();
  EXPECT_TRUE(made.ok()) << to_string(made.error());
  return made.take();
}
/// As the next gateway finds it, while the one before it may still be there.
Kept next_of(const Kept& kept) {
  auto taken = Kept::take_over(UniqueFd(dup(kept.fd())));
  EXPECT_TRUE(taken.ok()) << to_string(taken.error());
  return taken.take();
}
model::Network network(const std::string& host, uint64_t up) {
  model::Network out;
  out.host = host;
  out.budget.up = up;
  return out;
}
Budgets budgets_of(Kept& kept) {
  return Budgets([&kept](std::string_view host, Way way) { return kept.used(host, way); });
}

TEST(Kept, ABudgetIsNotGivenTwice) {
  Kept kept = create();
  Budgets budgets = budgets_of(kept);
  EXPECT_EQ(budgets.of(network("a.example", 1000), Way::kUp).take(700), 700U);
  EXPECT_EQ(budgets.of(network("b.example", 1000), Way::kUp).take(1), 1U);
  Kept next = next_of(kept);
  Budgets again = budgets_of(next);
  Allowance& left = again.of(network("a.example", 1000), Way::kUp);
  EXPECT_EQ(left.take(1000), 300U);
  EXPECT_EQ(again.of(network("a.example", 1000), Way::kDown).used(), 0U);
  EXPECT_EQ(again.of(network("b.example", 1000), Way::kUp).used(), 1U);
}

TEST(Kept, WhatWasNearlyUsedUpHasBeenSaid) {
  Kept kept = create();
  Budgets budgets = budgets_of(kept);
  (void)budgets.of(network("a.example", 1000), Way::kUp).take(900);
  (void)budgets.of(network("b.example", 1000), Way::kUp).take(100);
  Kept next = next_of(kept);
  Budgets again = budgets_of(next);
  EXPECT_FALSE(again.of(network("a.example", 1000), Way::kUp).near());
  Allowance& other = again.of(network("b.example", 1000), Way::kUp);
  (void)other.take(800);
  EXPECT_TRUE(other.near());
}

TEST(Kept, ALieAboveTheLimitGrantsNothing) {
  Kept kept = create();
  *kept.used("a.example", Way::kUp) = UINT64_MAX;
  Kept next = next_of(kept);
  Budgets again = budgets_of(next);
  EXPECT_EQ(again.of(network("a.example", 1000), Way::kUp).take(1), 0U);
}

TEST(Kept, NumbersOfConnectionsGoOn) {
  Kept kept = create();
  FlowNumbers numbers(kept.next_number());
  EXPECT_EQ(numbers.opened("a.example"), 1U);
  EXPECT_EQ(numbers.asked("b.example"), 2U);
  Kept next = next_of(kept);
  FlowNumbers again(next.next_number());
  EXPECT_EQ(again.opened("b.example"), 3U);
}

TEST(Kept, WithoutRoomForOneMoreNameNothingPasses) {
  Kept kept = create();
  for (size_t i = 0; i < Kept::kMostNames; ++i)
    ASSERT_NE(kept.used("n" + std::to_string(i), Way::kUp), nullptr);
  EXPECT_EQ(kept.used("one.more", Way::kUp), nullptr);
  EXPECT_NE(kept.used("n7", Way::kDown), nullptr);
  Budgets budgets = budgets_of(kept);
  model::Network unlimited;
  unlimited.host = "one.more";
  EXPECT_EQ(budgets.of(unlimited, Way::kUp).take(1), 0U);
  EXPECT_EQ(create().used(std::string(256, 'x'), Way::kUp), nullptr);
}

TEST(Kept, TheAuthorityIsThereOrEmpty) {
  Kept kept = create();
  EXPECT_TRUE(next_of(kept).authority().empty());
  ASSERT_TRUE(kept.keep_authority(Secret("key and certificate")).ok());
  EXPECT_EQ(next_of(kept).authority().expose(), "key and certificate");
  EXPECT_FALSE(kept.keep_authority(Secret(std::string(Kept::kMostAuthority + 1, 'x'))).ok());
}

/// What a gateway that was taken over may leave in its place.
TEST(Kept, AnythingElseIsRefused) {
  const auto refused = [](UniqueFd file) { return !Kept::take_over(std::move(file)).ok(); };
  EXPECT_TRUE(refused(UniqueFd()));
  EXPECT_TRUE(refused(UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC))));
  EXPECT_TRUE(refused(UniqueFd(memfd_create("x", MFD_CLOEXEC))));
  const Kept kept = create();
  const off_t size = lseek(kept.fd(), 0, SEEK_END);
  const auto same_size = [size](int seals) {
    UniqueFd file(memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(ftruncate(file.get(), size), 0);
    EXPECT_EQ(fcntl(file.get(), F_ADD_SEALS, seals), 0);
    return file;
  };
  EXPECT_TRUE(refused(same_size(F_SEAL_SHRINK | F_SEAL_GROW)));  // all zeros
  // A file knows no seals: its end could be taken away.
  const std::string path = testing::TempDir() + "/kept";
  UniqueFd plain(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  EXPECT_EQ(unlink(path.c_str()), 0);
  uint64_t same = 0;
  EXPECT_EQ(pread(kept.fd(), &same, sizeof same, 0), ssize_t{sizeof same});
  EXPECT_EQ(ftruncate(plain.get(), size), 0);
  EXPECT_EQ(pwrite(plain.get(), &same, sizeof same, 0), ssize_t{sizeof same});
  EXPECT_TRUE(refused(std::move(plain)));
  EXPECT_EQ(ftruncate(kept.fd(), 0), -1) << "its end could be taken away below the next one";
  // Of the right layout, with numbers that lead beyond it.
  const auto with = [&](off_t at, uint64_t value) {
    UniqueFd file = same_size(F_SEAL_SHRINK | F_SEAL_GROW);
    uint64_t layout = 0;
    EXPECT_EQ(pread(kept.fd(), &layout, sizeof layout, 0), ssize_t{sizeof layout});
    EXPECT_EQ(pwrite(file.get(), &layout, sizeof layout, 0), ssize_t{sizeof layout});
    EXPECT_EQ(pwrite(file.get(), &value, sizeof value, at), ssize_t{sizeof value});
    return file;
  };
  EXPECT_FALSE(refused(with(8, 77)));  // positive control: a number of connections
  EXPECT_TRUE(refused(with(16, Kept::kMostNames + 1)));
  EXPECT_TRUE(refused(with(24, Kept::kMostAuthority + 1)));
  UniqueFd endless = with(16, 1);
  const std::string name(256, 'x');
  EXPECT_EQ(pwrite(endless.get(), name.data(), name.size(), 32 + Kept::kMostAuthority), 256);
  EXPECT_TRUE(refused(std::move(endless)));
  UniqueFd open_end(memfd_create("x", MFD_CLOEXEC));
  EXPECT_EQ(ftruncate(open_end.get(), size), 0);
  uint64_t layout = 0;
  EXPECT_EQ(pread(kept.fd(), &layout, sizeof layout, 0), ssize_t{sizeof layout});
  EXPECT_EQ(pwrite(open_end.get(), &layout, sizeof layout, 0), ssize_t{sizeof layout});
  EXPECT_TRUE(refused(std::move(open_end)));
}

}  // namespace
}  // namespace carrel::gateway
