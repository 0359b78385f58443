// carrel-profile: the verbs that prepare: `profile` and `doctor`.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "launcher/cli/profile/doctor_verb.h"
#include "launcher/cli/profile/host.h"
#include "launcher/cli/profile/profile.h"
#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
#include "profiles/base/text.h"
#include "profiles/sources/sources.h"

namespace {

/// On the file system where workspaces will lie: not every one can do all of it.
carrel::plan::HostFacts this_host() {
  const auto path = carrel::start::state_path("");
  const carrel::UniqueFd place =
      path.ok() ? carrel::start::nearest_folder(path.value()) : carrel::UniqueFd();
  return carrel::profile::this_host(place.get());
}

carrel::probe::WayOutFacts way_out() {
  const auto programs = carrel::start::programs_folder();
  if (!programs.ok()) return {false, carrel::to_string(programs.error()), "install Carrel anew"};
  return carrel::probe::try_way_out(programs.value() + "/carrel-network");
}

int run(const std::string& verb, const std::vector<std::string>& words) {
  if (verb == "doctor")
    return carrel::profile::run_doctor(words, this_host, way_out, stdout, stderr);
  if (verb != "profile") {
    fputs("carrel-profile: give profile or doctor\n", stderr);
    return 1;
  }
  carrel::profile::Hooks hooks;
  hooks.sha256_hex = [](std::string_view bytes) {
    return carrel::to_hex(carrel::evidence::as_view(carrel::evidence::sha256(bytes)));
  };
  hooks.plan_text = [](const carrel::model::Profile& profile) {
    return carrel::profile::plan_text(profile, this_host());
  };
  const auto programs = carrel::start::programs_folder();
  if (!programs.ok()) {
    fprintf(stderr, "carrel: %s\n", carrel::to_string(programs.error()).c_str());
    return 1;
  }
  hooks.library = carrel::sources::library_folder(programs.value());
  return carrel::profile::run_profile(words, hooks, stdout, stderr);
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + (count > 0 ? 1 : 0), arguments + count);
  const std::string verb = words.empty() ? "" : words.front();
  const int code = run(verb, {words.begin() + (words.empty() ? 0 : 1), words.end()});
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return code;
  fputs("carrel: writing the answer failed\n", stderr);
  return 1;
}
