#include "launcher/cli/review/verbs.h"

namespace carrel::review {
namespace {

int not_yet(Output output, const char* verb) {
  print(output.err, std::string("carrel ") + verb + ": not supported yet\n");
  return kFailed;
}

}  // namespace

int diff(const Subject&, const std::string&, Colour, Output output) {
  return not_yet(output, "diff");
}
int replay_text(const Subject&, Output output) {
  return not_yet(output, "replay");
}
int replay_live(const Subject&, const replay::Pace&, Output output) {
  return not_yet(output, "replay");
}

}  // namespace carrel::review
