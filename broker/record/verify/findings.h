#pragma once
// What a check found wrong, claim by claim, and where the first damage lies.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/verify/verify.h"

namespace carrel::verify {

constexpr size_t kClaims = 9;

class Findings {
 public:
  /// The record contradicts itself or what signed it.
  void fail(Claim claim, std::string detail, FirstBad where);
  /// The record is right as far as it goes, but it does not go to its end.
  void cut(std::string detail, FirstBad where);
  /// A closer place within the file that is already named first.
  void refine(std::string_view file, std::optional<uint64_t> offset, std::optional<uint64_t> seq);
  /// Takes over what another check found, after what is already here.
  void add(const Findings& later);

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool failed(Claim claim) const { return !why(claim).empty(); }
  [[nodiscard]] const std::string& why(Claim claim) const {
    return details_[static_cast<size_t>(claim)];
  }
  [[nodiscard]] bool is_cut() const { return !cut_.empty(); }
  [[nodiscard]] const std::string& why_cut() const { return cut_; }
  [[nodiscard]] const std::optional<FirstBad>& first_bad() const { return first_bad_; }

 private:
  std::array<std::string, kClaims> details_;  // "" where the claim did not fail
  std::string cut_;
  std::optional<FirstBad> first_bad_;
  bool failed_ = false;
};

}  // namespace carrel::verify
