#pragma once
// Synthetic addresses: one for each name that a workspace may reach, so that the name is known when
// it connects. An address never means another name, in no later session of the workspace either.
// Pure: who keeps the list writes it down before an address is told.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::gateway {

/// A part of 198.18.0.0/15 (RFC 2544), which is no host's: 4094 addresses from `first` on.
struct Window {
  uint32_t base = 0;  // host byte order; the network's own address, which nobody gets
  static constexpr uint32_t kSize = 4096;
  bool operator==(const Window&) const = default;
};

/// The window that a random number chooses: an address of another session's means nothing here.
Window choose_window(uint32_t random);

class SyntheticNames {
 public:
  explicit SyntheticNames(Window window) : window_(window) {}

  /// The list of a workspace as text() wrote it. EBADMSG for anything else: another order would
  /// give other addresses.
  static Result<SyntheticNames> parse(std::string_view text);
  /// A line with the window, then a line a name, in the order of their addresses.
  [[nodiscard]] std::string text() const;

  /// The name's address, a new one the first time. Nothing when all are given.
  std::optional<uint32_t> give(const std::string& name);
  /// The address that a name has already.
  [[nodiscard]] std::optional<uint32_t> find(const std::string& name) const;
  /// The name behind an address; nothing for one that was never given.
  [[nodiscard]] std::optional<std::string> name_of(uint32_t address) const;
  [[nodiscard]] size_t size() const { return names_.size(); }
  [[nodiscard]] Window window() const { return window_; }

 private:
  [[nodiscard]] uint32_t address_at(size_t index) const;
  Window window_;
  std::vector<std::string> names_;
  std::map<std::string, size_t, std::less<>> places_;
};

/// "198.18.16.1" of an address in host byte order.
std::string address_text(uint32_t address);

}  // namespace carrel::gateway
