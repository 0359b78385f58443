#pragma once
// Concrete questions to a profile, answered one by one without comparing profiles: may this path be
// written, may this request pass, may a session be open at this minute?

#include <string>
#include <vector>

#include "profiles/compare/compare.h"
#include "profiles/model/profile.h"

namespace carrel::tests {

/// One question, and on which key a parent must have spoken to deny it ("" for a whole one only).
struct Probe {
  std::string words;
  std::string speaks;
  bool allowed = false;
};

/// The same list of questions for every profile, in the same order.
std::vector<Probe> probes(const model::Profile& profile);

}  // namespace carrel::tests
