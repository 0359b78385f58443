#include "launcher/gateway/http/git_push.h"

#include <algorithm>
#include <array>
#include <optional>

#include "launcher/gateway/http/pkt_line.h"
#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

constexpr size_t kMaxRef = 255;

/// Whether "*" and characters match one component; goes back to the last star only, so it takes at
/// most the product of both lengths.
bool matches_component(std::string_view glob, std::string_view text) {
  size_t g = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_text = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

std::string_view first_component(std::string_view path) {
  return path.substr(0, path.find('/'));
}

bool is_good_component(std::string_view part) {
  return !part.empty() && !part.starts_with('.') && !part.ends_with(".lock") &&
         !part.ends_with('.') && part != "@";
}

bool is_zero(std::string_view id) {
  return id.find_first_not_of('0') == std::string_view::npos;
}

/// "OLD NEW REF", or nothing.
std::optional<PushCommand> parse_command(std::string_view line) {
  const size_t first = line.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view before = line.substr(0, first);
  const std::string_view after = line.substr(first + 1, second - first - 1);
  const std::string_view ref = line.substr(second + 1);
  if (!is_object_id(before) || !is_object_id(after) || before.size() != after.size() ||
      !is_ref(ref))
    return std::nullopt;
  return PushCommand{std::string(before), std::string(after), std::string(ref)};
}

/// What the client may ask for behind the first command's NUL. Not among them: push-options and
/// push-cert, whose packets would follow the commands.
bool is_capability(std::string_view word) {
  constexpr std::array<std::string_view, 9> kKnown = {
      "report-status", "report-status-v2",   "side-band-64k",       "quiet", "atomic", "ofs-delta",
      "delete-refs",   "object-format=sha1", "object-format=sha256"};
  if (std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end()) return true;
  const bool says_who = word.starts_with("agent=") || word.starts_with("session-id=");
  return says_who && word.size() <= 256 && std::all_of(word.begin(), word.end(), is_visible);
}

std::optional<Refusal> check_capabilities(std::string_view list) {
  while (true) {
    const size_t space = list.find(' ');
    const std::string_view word = list.substr(0, space);
    if (word == "push-options") return Refusal{403, "git-push-options", "push options do not pass"};
    if (!word.empty() && !is_capability(word))
      return Refusal{403, "git-push-line", "the push asks for a capability that is not known"};
    if (space == std::string_view::npos) return std::nullopt;
    list.remove_prefix(space + 1);
  }
}

}  // namespace

bool is_ref(std::string_view text) {
  if (text.size() > kMaxRef || !text.starts_with("refs/")) return false;
  if (!std::all_of(text.begin(), text.end(), is_visible)) return false;
  if (text.find_first_of("~^:?*[\\") != std::string_view::npos) return false;
  if (text.find("..") != std::string_view::npos || text.find("@{") != std::string_view::npos)
    return false;
  size_t parts = 0;
  for (std::string_view rest = text;; ++parts) {
    const std::string_view part = first_component(rest);
    if (!is_good_component(part)) return false;
    if (part.size() == rest.size()) return parts >= 2;
    rest.remove_prefix(part.size() + 1);
  }
}

bool names_ref(std::string_view glob, std::string_view ref) {
  for (int i = 0;; ++i) {
    const std::string_view wanted = first_component(glob);
    const std::string_view part = first_component(ref);
    const bool glob_ends = wanted.size() == glob.size();
    const bool ref_ends = part.size() == ref.size();
    if (i < 2 && wanted != part) return false;
    if (glob_ends && wanted == "**") return true;
    if (!matches_component(wanted, part)) return false;
    if (glob_ends || ref_ends) return glob_ends && ref_ends;
    glob.remove_prefix(wanted.size() + 1);
    ref.remove_prefix(part.size() + 1);
  }
}

PushJudge::PushJudge(std::vector<std::string> refs) : refs_(std::move(refs)) {}

PushJudge::State PushJudge::deny(Refusal refusal) {
  state_ = State::kDenied;
  refusal_ = std::move(refusal);
  return state_;
}

PushJudge::State PushJudge::add(std::string_view content) {
  if (state_ != State::kMore) return state_;
  front_.append(content);
  return read_packets();
}

PushJudge::State PushJudge::read_packets() {
  while (!flushed_) {
    // What was added at once may be more than the front: only what is not yet decided is bounded.
    if (at_ > kMaxPushFront)
      return deny({403, "git-packet", "the push says too much before its pack"});
    const auto packet = next_packet(std::string_view(front_).substr(at_));
    if (std::holds_alternative<NeedMore>(packet)) return state_;
    if (const auto* refusal = std::get_if<Refusal>(&packet)) return deny(*refusal);
    const PktLine& found = std::get<PktLine>(packet);
    at_ += found.size;
    if (found.kind == PktLine::Kind::kDelimiter)
      return deny({403, "git-packet", "the push has a delimiter, as no push has"});
    if (found.kind == PktLine::Kind::kFlush) {
      flushed_ = true;
    } else if (read_line(found.text) == State::kDenied) {
      return state_;
    }
  }
  return read_pack();
}

PushJudge::State PushJudge::read_pack() {
  constexpr std::string_view kSignature = "PACK";
  const std::string_view rest = std::string_view(front_).substr(at_, kSignature.size());
  if (!kSignature.starts_with(rest) || (commands_.empty() && !rest.empty()))
    return deny({403, "git-packet", "what follows the push's commands is no pack"});
  if (rest.size() == kSignature.size()) state_ = State::kAllowed;
  return state_;
}

PushJudge::State PushJudge::read_line(std::string_view text) {
  constexpr std::string_view kShallow = "shallow ";
  if (!commands_.empty() || !text.starts_with(kShallow)) return read_command(text);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!is_object_id(text.substr(kShallow.size())) || ++shallows_ > kMaxPushShallows)
    return deny({403, "git-push-line", "the push names too many shallow commits, or none"});
  return state_;
}

PushJudge::State PushJudge::read_command(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (commands_.empty()) {
    const size_t nul = text.find('\0');
    if (nul != std::string_view::npos) {
      if (auto refusal = check_capabilities(text.substr(nul + 1))) return deny(*refusal);
      text = text.substr(0, nul);
    }
  }
  auto command = parse_command(text);
  if (!command)
    return deny({403, "git-push-line", "the push has a line that is no change of a ref"});
  if (commands_.size() == kMaxPushCommands)
    return deny({403, "git-push-commands", "the push changes more than 16 refs"});
  if (is_zero(command->after)) return deny({403, "git-push-delete", "the push deletes a ref"});
  const auto named = [&](const std::string& glob) { return names_ref(glob, command->ref); };
  if (std::none_of(refs_.begin(), refs_.end(), named)) {
    const bool is_tag = command->ref.starts_with("refs/tags/");
    return deny(is_tag ? Refusal{403, "git-push-tag", "the push makes a tag that no rule names"}
                       : Refusal{403, "git-push-ref", "the push changes a ref that no rule names"});
  }
  const auto same = [&](const PushCommand& other) { return other.ref == command->ref; };
  if (std::any_of(commands_.begin(), commands_.end(), same))
    return deny({403, "git-push-commands", "the push changes one ref twice"});
  commands_.push_back(std::move(*command));
  return state_;
}

PushJudge::State PushJudge::end() {
  if (state_ != State::kMore) return state_;
  if (flushed_ && commands_.empty() && shallows_ == 0 && at_ == front_.size()) {
    state_ = State::kAllowed;
    return state_;
  }
  return deny({403, "git-packet", "the push ends before its pack begins"});
}

}  // namespace carrel::gateway::http
