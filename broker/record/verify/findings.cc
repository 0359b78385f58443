#include "broker/record/verify/findings.h"

namespace carrel::verify {

void Findings::fail(Claim claim, std::string detail, FirstBad where) {
  failed_ = true;
  std::string& kept = details_[static_cast<size_t>(claim)];
  if (kept.empty()) kept = std::move(detail);
  if (!first_bad_) first_bad_ = std::move(where);
}

void Findings::cut(std::string detail, FirstBad where) {
  if (cut_.empty()) cut_ = std::move(detail);
  if (!first_bad_) first_bad_ = std::move(where);
}

void Findings::refine(std::string_view file, std::optional<uint64_t> offset,
                      std::optional<uint64_t> seq) {
  if (!first_bad_ || first_bad_->file != file) return;
  if (!first_bad_->offset) first_bad_->offset = offset;
  if (!first_bad_->seq) first_bad_->seq = seq;
}

void Findings::add(const Findings& later) {
  for (size_t i = 0; i < kClaims; ++i)
    if (details_[i].empty()) details_[i] = later.details_[i];
  if (cut_.empty()) cut_ = later.cut_;
  if (!first_bad_) first_bad_ = later.first_bad_;
  failed_ = failed_ || later.failed_;
}

}  // namespace carrel::verify
