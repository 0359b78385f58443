#include "launcher/watch/session/answers.h"

#include <algorithm>

#include "launcher/box/plan/limits.h"
#include "launcher/watch/session/git_message.h"
#include "launcher/watch/session/notice.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"
#include "profiles/decide/network.h"
#include "profiles/decide/normalise_path.h"
#include "profiles/decide/why.h"
#include "profiles/model/words.h"

namespace carrel::session {
namespace {

using decide::Decision;
using decide::Verdict;
using inside::Answer;
using inside::Ask;

constexpr uint8_t kTold = 0, kNotUnderstood = 1, kDenied = 2;

/// Host, without port, user and path, of a URL.
std::string host_of(std::string_view address) {
  const size_t scheme = address.find("://");
  if (scheme != std::string_view::npos) address.remove_prefix(scheme + 3);
  address = address.substr(0, address.find_first_of("/?#"));
  const size_t user = address.rfind('@');
  if (user != std::string_view::npos) address.remove_prefix(user + 1);
  if (address.starts_with('[')) return std::string(address.substr(1, address.find(']') - 1));
  return std::string(address.substr(0, address.find(':')));
}

/// The workspace itself: nothing decides about it.
bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  const auto family =
      host.find(':') != std::string::npos ? decide::Family::kInet6 : decide::Family::kInet;
  const bool numbers = host.find_first_not_of("0123456789.:abcdef") == std::string::npos;
  return numbers && decide::decide_connect(family, host, 0, 0).verdict != Verdict::kDenied;
}

std::string clock_text(uint64_t real_ns) {
  const std::string time = to_rfc3339(real_ns);  // 2026-01-02T03:04:05.000000000Z
  return time.size() > 19 ? time.substr(11, 8) : time;
}

/// To two units: "2h 5m", "4m 10s", "9s".
std::string about_text(uint64_t seconds) {
  const auto two = [](uint64_t much, const char* unit, uint64_t little, const char* small) {
    return std::to_string(much) + unit + " " + std::to_string(little) + small;
  };
  if (seconds >= 86'400) return two(seconds / 86'400, "d", seconds / 3600 % 24, "h");
  if (seconds >= 3600) return two(seconds / 3600, "h", seconds / 60 % 60, "m");
  if (seconds >= 60) return two(seconds / 60, "m", seconds % 60, "s");
  return std::to_string(seconds) + "s";
}

std::string row(std::string_view name, const std::string& text) {
  std::string line = "  " + std::string(name);
  line.append(line.size() < 13 ? 13 - line.size() : 1, ' ');
  return line + text + "\n";
}

/// What `carrel why` says of git's messages is about files.
bool is_of_network(std::string_view type) {
  return type.starts_with("net.") || type.starts_with("tls.") || type.starts_with("http.");
}

}  // namespace

Answer Answers::answer(const inside::Question& question, const LiveFacts& facts) const {
  switch (question.ask) {
    case Ask::kStatus:
      return status(facts);
    case Ask::kLastDenials:
      return last_denials();
    case Ask::kPath:
      return about_path(question.subject);
    case Ask::kAddress:
      return about_address(question.subject, facts);
    case Ask::kGitMessage:
      return about_git(question.subject);
    case Ask::kNetwork:
    case Ask::kCredential:
      break;  // a request, not a question: the session's own
  }
  return {kNotUnderstood, "carrel: not understood\n"};
}

// ---- why ---------------------------------------------------------------------------------------

Answer Answers::last_denials() const {
  if (denials_.kept().empty()) return {kTold, "carrel: nothing was denied in this session\n"};
  std::string text = "carrel: " + std::to_string(denials_.count()) +
                     " denied in this session; the last (times are UTC):\n";
  bool git = false;
  for (const Denial& denial : denials_.kept()) {
    git = git || (denial.by_git && !is_of_network(denial.type));
    text += "  " + clock_text(denial.real_ns) + " " + denial.type + " " + quoted(denial.object);
    if (denial.error != 0) text += " " + errno_name(denial.error);
    if (denial.times > 1) text += " (" + std::to_string(denial.times) + " times)";
    text += "\n    " + denials_.rule_text(denial.rule) + "\n";
  }
  if (git) {
    text += "  Some of it was git's doing: `carrel why 'WHAT GIT PRINTED'` says what it means.\n";
  }
  const std::string& line = denials_.kept().back().request;
  return {kTold, text + "  " + denials_.how_to_ask(line) + "\n"};
}

std::string Answers::line_of(std::string_view what, const Decision& decision) const {
  if (decision.verdict == Verdict::kDenied) {
    return row(what, "denied: " + denials_.rule_text(decision.rule));
  }
  if (decision.verdict == Verdict::kAllowed) {
    return row(what, "allowed: " + denials_.rule_text(decision.rule));
  }
  return row(what, "no rule forbids it; what is there is the workspace's own");
}

Answer Answers::about_path(std::string_view subject) const {
  const std::string path = decide::normalise_path("/", subject);
  const decide::Foresight seen = judge_.foresee(path);
  std::string text = "carrel: " + quoted(path) + "\n";
  text += line_of("read", seen.read) + line_of("change", seen.change);
  const bool denied =
      seen.read.verdict == Verdict::kDenied || seen.change.verdict == Verdict::kDenied;
  if (denied) text += "  " + denials_.whom_to_ask() + "\n";
  return {denied ? kDenied : kTold, std::move(text)};
}

Answer Answers::about_address(std::string_view address, const LiveFacts& facts) const {
  if (const std::string host = host_of(address); is_loopback(host)) {
    return {kTold, "carrel: " + quoted(host) + "\n" +
                       row("connect", "allowed: it is the workspace itself")};
  }
  const std::string url =
      (address.find("://") == std::string_view::npos ? "https://" : "") + std::string(address);
  const Result<decide::UrlAnswer> foreseen = decide::foresee_url(profile_, url, judge_.grants());
  if (!foreseen.ok()) return {kNotUnderstood, "carrel: why: " + foreseen.error().what + "\n"};
  decide::UrlAnswer answer = foreseen.value();
  const auto& held = facts.credentials;
  if (!answer.credential.empty() &&
      std::find(held.begin(), held.end(), answer.credential) == held.end()) {
    answer.verdict = Verdict::kDenied;
    answer.words += " It needs the credential " + quoted(answer.credential) +
                    ", which is issued when a request for it is granted.";
    answer.request = decide::credential_request_line(answer.credential);
  }
  std::string text = "carrel: " + quoted(url) + "\n";
  const bool denied = answer.verdict == Verdict::kDenied;
  text += row("connect", std::string(denied ? "denied: " : "allowed: ") + answer.words + " " +
                             denials_.place_of(answer.rule));
  for (const std::string& each : answer.passes)
    text += row(&each == &answer.passes.front() ? "passes" : "", each);
  if (!denied) return {kTold, std::move(text)};
  const std::string request = profile_.networks.empty() ? "" : answer.request;
  return {kDenied, text + "  " + denials_.how_to_ask(request) + "\n"};
}

Answer Answers::about_git(std::string_view subject) const {
  const size_t nul = subject.find('\0');
  const std::string_view folder = subject.substr(0, nul);
  const auto path = path_in_git_message(subject.substr(nul + 1));
  if (!path.has_value()) {
    return {kNotUnderstood,
            "carrel: this message of git's is not known; `carrel why PATH` says what may be done "
            "with a path\n"};
  }
  // Git names paths from the top of the working tree, wherever it was started.
  const std::string given = decide::normalise_path("/", folder);
  const std::string top = judge_.top_of(given).value_or(given);
  const std::string full = decide::normalise_path(top, *path);
  Answer answer = about_path(full);
  if (judge_.foresee(full).change.verdict == Verdict::kDenied) {
    answer.text +=
        "  Git wanted to change this and may not. The rest of what it did stands; leave this path "
        "out of the change, or ask for it.\n";
  }
  return answer;
}

// ---- status ------------------------------------------------------------------------------------

std::string Answers::limits_text(const LimitReading& reading) const {
  std::string text;
  const auto add = [&](const std::string& limit, const std::optional<uint64_t>& used) {
    const auto value = limits_.values().find(limit);
    if (value == limits_.values().end()) return;
    const std::string most = plan::amount_text(limit, value->second);
    text += row(limit, used.has_value() ? plan::amount_text(limit, *used) + " of " + most : most);
  };
  add("memory", reading.memory_used);
  add("processes", reading.processes_used);
  add("cpu", std::nullopt);
  add("open_files", std::nullopt);
  for (size_t i = 0; i < std::min(limits_.volumes().size(), reading.volumes.size()); ++i) {
    const Volume& volume = limits_.volumes()[i];
    const VolumeUse use = limits_.granted(i, reading.volumes[i]);
    if (use.bytes == 0) continue;
    text +=
        row(volume.limit,
            plan::amount_text(volume.limit, use.bytes - std::min(use.bytes, use.bytes_free)) +
                " of " + plan::amount_text(volume.limit, use.bytes) + " in " + quoted(volume.path));
  }
  return text;
}

Answer Answers::status(const LiveFacts& facts) const {
  const protocol::SessionSpec& spec = config_.spec();
  std::string text = "carrel: session " + quoted(spec.session()) + "\n";
  text += row("task", quoted(spec.task()) + ", profile " + quoted(profile_.name) + " version " +
                          std::to_string(profile_.version));
  text += row("person", quoted(spec.person()));
  text += row("time", about_text(facts.running_s) + " since the beginning" +
                          (facts.left_s.empty() ? ", no limit" : ""));
  for (const auto& [limit, seconds] : facts.left_s) {
    text += row("ends", "in " + about_text(seconds) + " (" + quoted(limit) +
                            (limit == "idle_timeout" ? ", unless something is typed)" : ")"));
  }
  text += limits_text(facts.reading);
  text += row("denied", std::to_string(denials_.count()) +
                            (denials_.count() == 0 ? "" : " (`carrel why` lists the last)"));
  text +=
      row("recorded", "what is shown on the terminal, processes, files and network; no keystrokes");
  text += row("may look", "those who grant and review this task");
  std::string missing;
  for (const protocol::AssuranceItem& item : config_.assurance()) {
    if (!item.given()) missing += row("", quoted(item.id()) + ": " + quoted(item.why()));
  }
  text += row("assurance",
              missing.empty() ? "this host gives every guarantee" : "not given by this host:");
  return {kTold, text + missing};
}

}  // namespace carrel::session
