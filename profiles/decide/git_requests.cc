#include "profiles/decide/git_requests.h"

#include <algorithm>
#include <array>
#include <string>

#include "profiles/decide/pattern.h"

namespace carrel::decide {
namespace {

constexpr std::array<std::string_view, 3> kServices = {"git-upload-pack", "git-receive-pack",
                                                       "git-upload-archive"};

bool has_method(const model::HttpRule& rule, std::string_view name) {
  return std::any_of(rule.methods.begin(), rule.methods.end(),
                     [name](const model::TextEntry& each) { return each.text == name; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

/// The last component, taken off with the slash before it.
std::string_view take_last(std::string_view& path) {
  const size_t slash = path.rfind('/');
  const size_t from = slash == std::string_view::npos ? 0 : slash + 1;
  const std::string_view last = path.substr(from);
  path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  return last;
}

/// As is_git_request(); `star` stands for every component where a pattern is asked about.
bool ends_like_git(std::string_view text, bool has_query, std::string_view star) {
  std::string path = lower(text);
  for (size_t at = path.find("%2f"); at != std::string::npos; at = path.find("%2f", at)) {
    path.erase(at, 2);
    path[at] = '/';  // a server may take it for one
  }
  std::string_view rest = path;
  while (rest.ends_with('/'))
    rest.remove_suffix(1);
  const auto is = [star](std::string_view part, std::string_view wanted) {
    return part == wanted || (!star.empty() && part == star);
  };
  const std::string_view last = take_last(rest);
  if (std::any_of(kServices.begin(), kServices.end(),
                  [&](std::string_view service) { return is(last, service); }))
    return true;
  return has_query && is(last, "refs") && is(take_last(rest), "info");
}

}  // namespace

bool is_git_request(std::string_view canonical_path, bool has_query) {
  return ends_like_git(canonical_path, has_query, "");
}

bool may_be_git(const model::HttpRule& rule) {
  if (!rule.preset.empty()) return false;
  return rule.path.ends_with("/**") || ends_like_git(rule.path, true, "*");
}

GitOverlap overlap_of(const model::HttpRule& plain, const model::HttpRule& preset) {
  if (!plain.preset.empty() || preset.preset.empty()) return GitOverlap::kNone;
  GitOverlap found = GitOverlap::kNone;
  for (const std::string& base : {preset.repository, preset.repository + ".git"}) {
    const bool bodies = matches_path(plain.path, base + "/git-upload-pack") ||
                        matches_path(plain.path, base + "/git-receive-pack");
    if (bodies && has_method(plain, "POST")) return GitOverlap::kBodies;
    if (matches_path(plain.path, base + "/info/refs") && has_method(plain, "GET"))
      found = GitOverlap::kDiscovery;
  }
  return found;
}

bool has_git_preset(const model::Network& network) {
  return std::any_of(network.http.begin(), network.http.end(),
                     [](const model::HttpRule& rule) { return !rule.preset.empty(); });
}

}  // namespace carrel::decide
