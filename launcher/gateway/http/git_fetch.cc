#include "launcher/gateway/http/git_fetch.h"

#include <algorithm>
#include <array>
#include <optional>

#include "launcher/gateway/http/pkt_line.h"
#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

/// What stands behind a line's word.
enum class Rest { kNothing, kObject, kNumber, kText };

struct Line {
  std::string_view word;  // with the space or = that ends it
  Rest rest = Rest::kNothing;
};

constexpr std::array<Line, 16> kFetchLines = {{{"want ", Rest::kObject},
                                               {"have ", Rest::kObject},
                                               {"shallow ", Rest::kObject},
                                               {"deepen ", Rest::kNumber},
                                               {"deepen-since ", Rest::kNumber},
                                               {"deepen-not ", Rest::kText},
                                               {"want-ref ", Rest::kText},
                                               {"filter ", Rest::kText},
                                               {"deepen-relative"},
                                               {"done"},
                                               {"include-tag"},
                                               {"no-progress"},
                                               {"ofs-delta"},
                                               {"sideband-all"},
                                               {"thin-pack"},
                                               {"wait-for-done"}}};

constexpr std::array<Line, 4> kListLines = {
    {{"peel"}, {"symrefs"}, {"unborn"}, {"ref-prefix ", Rest::kText}}};

constexpr std::array<Line, 3> kRequestCapabilities = {
    {{"agent=", Rest::kText}, {"object-format=", Rest::kText}, {"session-id=", Rest::kText}}};

/// Of versions 0 and 1: the lines, and what the first want may be followed by.
constexpr std::array<Line, 8> kOldLines = {{{"want ", Rest::kObject},
                                            {"have ", Rest::kObject},
                                            {"shallow ", Rest::kObject},
                                            {"deepen ", Rest::kNumber},
                                            {"deepen-since ", Rest::kNumber},
                                            {"deepen-not ", Rest::kText},
                                            {"filter ", Rest::kText},
                                            {"done"}}};

constexpr std::array<Line, 18> kOldCapabilities = {{{"agent=", Rest::kText},
                                                    {"object-format=", Rest::kText},
                                                    {"session-id=", Rest::kText},
                                                    {"allow-reachable-sha1-in-want"},
                                                    {"allow-tip-sha1-in-want"},
                                                    {"deepen-not"},
                                                    {"deepen-relative"},
                                                    {"deepen-since"},
                                                    {"filter"},
                                                    {"include-tag"},
                                                    {"multi_ack"},
                                                    {"multi_ack_detailed"},
                                                    {"no-done"},
                                                    {"no-progress"},
                                                    {"ofs-delta"},
                                                    {"side-band"},
                                                    {"side-band-64k"},
                                                    {"thin-pack"}}};

bool is_text(std::string_view text) {
  return !text.empty() && text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c) || c == ' '; });
}

bool fits(const Line& known, std::string_view line) {
  if (known.rest == Rest::kNothing) return line == known.word;
  if (!line.starts_with(known.word)) return false;
  const std::string_view rest = line.substr(known.word.size());
  if (known.rest == Rest::kObject) return is_object_id(rest);
  return known.rest == Rest::kNumber ? plain_number(rest).has_value() : is_text(rest);
}

/// Counts what was said so far, and stops it where it is too much.
class Judge {
 public:
  template <typename Lines>
  std::optional<Refusal> check(const Lines& known, std::string_view line) {
    const auto at =
        std::find_if(known.begin(), known.end(), [&](const Line& one) { return fits(one, line); });
    if (at == known.end())
      return Refusal{403, "git-line", "the request has a line that is not known to pass"};
    if (at->word == "have ") return count_have();
    if (at->word == "want ") ++summary.wants;
    if (at->rest == Rest::kText) text_ += line.size() - at->word.size();
    if (text_ > kMaxFreeText)
      return Refusal{403, "git-text", "the request says more in words than a fetch needs"};
    if (++lines_ > kMaxOtherLines)
      return Refusal{403, "git-line", "the request has more than 4096 lines"};
    return std::nullopt;
  }

  FetchSummary summary;

 private:
  std::optional<Refusal> count_have() {
    if (++summary.haves <= kMaxHaves) return std::nullopt;
    return Refusal{403, "git-haves", "the request names more than 4096 commits it has"};
  }

  size_t text_ = 0;
  size_t lines_ = 0;
};

std::variant<Refusal, PktLine> take(std::string_view& body) {
  const auto packet = next_packet(body);
  if (const auto* refusal = std::get_if<Refusal>(&packet)) return *refusal;
  if (std::holds_alternative<NeedMore>(packet))
    return Refusal{403, "git-packet", "the body ends before its last packet does"};
  const PktLine& found = std::get<PktLine>(packet);
  body.remove_prefix(found.size);
  return found;
}

std::optional<Refusal> read_command(std::string_view line, FetchSummary& summary) {
  if (line == "command=ls-refs") {
    summary.command = "ls-refs";
  } else if (line == "command=fetch") {
    summary.command = "fetch";
  } else {
    return Refusal{403, "git-command", "only git's commands ls-refs and fetch pass"};
  }
  return std::nullopt;
}

/// command, capabilities, delimiter, arguments, flush: and nothing behind.
std::variant<Refusal, FetchSummary> judge_v2(std::string_view body) {
  Judge judge;
  bool in_arguments = false;
  for (bool first = true;; first = false) {
    const auto packet = take(body);
    if (const auto* refusal = std::get_if<Refusal>(&packet)) return *refusal;
    const PktLine& found = std::get<PktLine>(packet);
    if (found.kind == PktLine::Kind::kFlush) break;
    std::optional<Refusal> refusal;
    if (found.kind == PktLine::Kind::kDelimiter) {
      if (first || in_arguments)
        return Refusal{403, "git-packet", "the request's parts are in another order"};
      in_arguments = true;
    } else if (first) {
      refusal = read_command(found.line(), judge.summary);
    } else if (!in_arguments) {
      refusal = judge.check(kRequestCapabilities, found.line());
    } else if (judge.summary.command == "fetch") {
      refusal = judge.check(kFetchLines, found.line());
    } else {
      refusal = judge.check(kListLines, found.line());
    }
    if (refusal) return *refusal;
  }
  if (!body.empty()) return Refusal{403, "git-packet", "the body goes on behind its request"};
  return judge.summary;
}

/// "want ID cap cap …": the capabilities of a first want.
std::optional<Refusal> judge_first_want(Judge& judge, std::string_view line) {
  const size_t end = line.find(' ', 5);
  if (auto refusal = judge.check(kOldLines, line.substr(0, end))) return refusal;
  std::string_view rest = end == std::string_view::npos ? "" : line.substr(end + 1);
  while (!rest.empty()) {
    const size_t space = rest.find(' ');
    const std::string_view word = rest.substr(0, space);
    if (!word.empty()) {
      if (auto refusal = judge.check(kOldCapabilities, word)) return refusal;
    }
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  return std::nullopt;
}

std::variant<Refusal, FetchSummary> judge_old(std::string_view body) {
  Judge judge;
  while (!body.empty()) {
    const auto packet = take(body);
    if (const auto* refusal = std::get_if<Refusal>(&packet)) return *refusal;
    const PktLine& found = std::get<PktLine>(packet);
    if (found.kind == PktLine::Kind::kFlush) continue;
    if (found.kind == PktLine::Kind::kDelimiter)
      return Refusal{403, "git-packet", "the request has a delimiter, as only version 2 has"};
    const bool first_want = judge.summary.command.empty();
    if (first_want && !found.text.starts_with("want "))
      return Refusal{403, "git-command", "the request does not begin with what it wants"};
    auto refusal =
        first_want ? judge_first_want(judge, found.line()) : judge.check(kOldLines, found.line());
    if (refusal) return *refusal;
    judge.summary.command = "fetch";
  }
  return judge.summary;
}

}  // namespace

std::variant<Refusal, FetchSummary> judge_fetch(std::string_view body, int version) {
  return version == 2 ? judge_v2(body) : judge_old(body);
}

}  // namespace carrel::gateway::http
