// Pushes: judged alike in all pieces; an allowed one names only refs that the globs name, by an
// independent reading of the same bytes, and a pack stands behind them.

#include "launcher/gateway/http/git_push.h"

#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway::http;
using State = PushJudge::State;

const std::vector<std::string> kRefs{"refs/heads/work/*", "refs/heads/x-*", "refs/heads/deep/**"};

/// The names of the commands, as git's server splits them: two object ids, then the name up to a
/// NUL or a line's end.
std::vector<std::string> names_in(std::string_view front) {
  std::vector<std::string> names;
  while (true) {
    MUST(front.size() >= 4);
    const size_t size = std::strtoul(std::string(front.substr(0, 4)).c_str(), nullptr, 16);
    MUST(size == 0 || (size > 4 && size <= front.size()));
    if (size == 0) break;
    std::string_view text = front.substr(4, size - 4);
    front.remove_prefix(size);
    if (text.starts_with("shallow ")) continue;
    text = text.substr(0, text.find('\0'));
    if (text.ends_with('\n')) text.remove_suffix(1);
    const size_t first = text.find(' ');
    const size_t second = text.find(' ', first + 1);
    MUST(first != std::string_view::npos && second != std::string_view::npos);
    MUST(text.substr(first + 1, second - first - 1).find_first_not_of('0') !=
         std::string_view::npos);
    names.emplace_back(text.substr(second + 1));
  }
  MUST(front.substr(4).starts_with("PACK"));
  return names;
}

}  // namespace

FUZZ_TARGET(git_push) {
  const uint8_t seed = carrel::fuzz::take_byte(input);
  PushJudge whole(kRefs);
  whole.add(input);
  PushJudge pieces(kRefs);
  carrel::fuzz::Pieces parts(input, seed);
  while (!parts.is_empty() && pieces.state() == State::kMore)
    pieces.add(parts.next());
  MUST(whole.state() == pieces.state() && whole.commands() == pieces.commands());
  if (whole.state() == State::kDenied) MUST(whole.refusal() == pieces.refusal());
  if (whole.state() == State::kAllowed) {
    MUST(whole.front() == input && input.starts_with(pieces.front()));
    const auto names = names_in(input);
    MUST(names.size() == whole.commands().size() && !names.empty() &&
         names.size() <= kMaxPushCommands);
    for (size_t i = 0; i < names.size(); ++i) {
      MUST(names[i] == whole.commands()[i].ref && is_ref(names[i]));
      MUST(names[i].starts_with("refs/heads/"));
      MUST(names_ref(kRefs[0], names[i]) || names_ref(kRefs[1], names[i]) ||
           names_ref(kRefs[2], names[i]));
    }
    return;
  }
  if (whole.state() == State::kMore && whole.end() == State::kAllowed) MUST(input == "0000");
}
