// Bodies of fetches: an accepted one is nothing but packets, with as many wants and haves as an
// independent count finds, and no more free text than is allowed. The first byte is the version.

#include "launcher/gateway/http/git_fetch.h"

#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway::http;

size_t length_of(std::string_view bytes) {
  MUST(bytes.size() >= 4);
  return std::strtoul(std::string(bytes.substr(0, 4)).c_str(), nullptr, 16);
}

void check_accepted(std::string_view body, const FetchSummary& summary) {
  size_t wants = 0;
  size_t haves = 0;
  while (!body.empty()) {
    const size_t size = length_of(body);
    MUST(size <= body.size() && size != 2 && size != 3);
    const std::string_view text = size < 4 ? "" : body.substr(4, size - 4);
    wants += text.starts_with("want ");
    haves += text.starts_with("have ");
    MUST(text.find("packfile-uris") != 0 && !text.starts_with("command=object-info"));
    body.remove_prefix(size < 4 ? 4 : size);
  }
  MUST(summary.wants == wants && summary.haves == haves);
  MUST(haves <= kMaxHaves && wants <= kMaxOtherLines);
  MUST(summary.command.empty() || summary.command == "ls-refs" || summary.command == "fetch");
}

}  // namespace

FUZZ_TARGET(git_fetch) {
  const int version = carrel::fuzz::take_byte(input) % 3;
  const auto judged = judge_fetch(input, version);
  if (const auto* summary = std::get_if<FetchSummary>(&judged)) check_accepted(input, *summary);
}
