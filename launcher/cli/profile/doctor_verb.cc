#include "launcher/cli/profile/doctor_verb.h"

#include "launcher/box/plan/guarantee.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/probe/doctor.h"
#include "profiles/base/text.h"

namespace carrel::profile {
namespace {

constexpr std::string_view kHelp =
    "usage: carrel doctor [--json]\n"
    "\n"
    "Says what this host can guarantee to a session, what is missing, and what mends it.\n"
    "As root it tries everything, the sensor included; nothing of the host is changed.\n"
    "Exit: 0 workspaces can be opened here, 1 they cannot, or wrong usage.\n";

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

}  // namespace

int run_doctor(const std::vector<std::string>& arguments,
               const std::function<plan::HostFacts()>& host,
               const std::function<probe::WayOutFacts()>& way_out, std::FILE* out, std::FILE* err) {
  bool json = false;
  for (const std::string& word : arguments) {
    if (word == "--help" || word == "-h") {
      print(out, kHelp);
      return 0;
    }
    if (word == "--attack") {
      print(err, "carrel doctor --attack: not supported yet\n");
      return 1;
    }
    if (word != "--json") {
      print(err, "carrel doctor: unexpected word \"" + quoted(word) +
                     "\" (see: carrel doctor "
                     "--help)\n");
      return 1;
    }
    json = true;
  }
  const plan::HostFacts facts = host();
  const auto list = plan::guarantees(facts, nullptr);
  const probe::WayOutFacts way = way_out();
  print(out, json ? probe::doctor_json(facts, list, way) : probe::doctor_text(facts, list, way));
  return plan::check_host(facts).ok() ? 0 : 1;
}

}  // namespace carrel::profile
