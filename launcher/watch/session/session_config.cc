#include "launcher/watch/session/session_config.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <utility>

#include "broker/record/evidence/sha256.h"
#include "launcher/watch/tree/beneath.h"
#include "profiles/base/ulid.h"
#include "profiles/decide/rules.h"
#include "profiles/parse/canonical.h"

namespace carrel::session {
namespace {

using protocol::SessionConfig;

enum class Kind { kAny, kSocket, kFolder, kPipe, kFile };

/// Gives descriptors out in the order in which they came.
class Fds {
 public:
  explicit Fds(std::vector<UniqueFd> fds) : fds_(std::move(fds)) {}

  void take(UniqueFd& to, Kind kind, const char* what) {
    if (next_ >= fds_.size()) return note(std::string(what) + ": missing");
    struct stat status {};
    if (fstat(fds_[next_].get(), &status) != 0) return note(std::string(what) + ": no descriptor");
    if (!is_kind(status.st_mode, kind)) return note(std::string(what) + ": of another kind");
    to = std::move(fds_[next_++]);
  }
  [[nodiscard]] Status status() const {
    if (!wrong_.empty()) return Error{"session configuration: " + wrong_};
    if (next_ != fds_.size()) return Error{"session configuration: descriptors left over"};
    return Done{};
  }

 private:
  static bool is_kind(mode_t mode, Kind kind) {
    switch (kind) {
      case Kind::kAny:
        return true;
      case Kind::kSocket:
        return S_ISSOCK(mode);
      case Kind::kFolder:
        return S_ISDIR(mode);
      case Kind::kPipe:
        return S_ISFIFO(mode);
      case Kind::kFile:
        return S_ISREG(mode);
    }
    return false;
  }
  void note(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  std::vector<UniqueFd> fds_;
  size_t next_ = 0;
  std::string wrong_;
};

void take_fds(Fds& fds, SessionInput& input) {
  fds.take(input.client, Kind::kSocket, "client stream");
  fds.take(input.broker, Kind::kSocket, "broker channel");
  fds.take(input.init, Kind::kSocket, "init socket");
  fds.take(input.ring, input.config.sensor() == "notify" ? Kind::kPipe : Kind::kAny, "ring");
  fds.take(input.counters, Kind::kAny, "counters");
  if (!input.config.no_cgroup()) {
    fds.take(input.cgroup_events, Kind::kFile, "cgroup.events");
    fds.take(input.cgroup_kill, Kind::kFile, "cgroup.kill");
  }
  if (input.config.can_freeze()) fds.take(input.cgroup_freeze, Kind::kFile, "cgroup.freeze");
  fds.take(input.credentials, Kind::kFolder, "credential folder");
  fds.take(input.gate, Kind::kPipe, "gate");
  if (!input.config.spec().tty()) {
    fds.take(input.stdin_fd, Kind::kPipe, "stdin");
    fds.take(input.stdout_fd, Kind::kPipe, "stdout");
    fds.take(input.stderr_fd, Kind::kPipe, "stderr");
  }
  for (const protocol::RepositoryTree& repository : input.config.repositories()) {
    RepositoryInput& tree = input.repositories.emplace_back();
    tree.name = repository.name();
    fds.take(tree.tree, Kind::kFolder, "working tree");
    fds.take(tree.upper, Kind::kFolder, "upper layer");
    fds.take(tree.slice, Kind::kFolder, "slice");
  }
  for (const std::string& name : input.config.limit_files()) {
    LimitFile& file = input.limit_files.emplace_back();
    file.name = name;
    fds.take(file.fd, Kind::kFile, "control file of a limit");
  }
  for (int i = 0; i < input.config.volumes_size(); ++i) {
    fds.take(input.volumes.emplace_back(), Kind::kFolder, "volume");
  }
  if (input.config.has_asker_uid()) fds.take(input.inside, Kind::kSocket, "inside");
  if (input.config.gateway()) fds.take(input.gateway, Kind::kSocket, "gateway");
}

/// What the slicer left, by the folder that came.
Status open_slice(RepositoryInput& repository) {
  const UniqueFd folder = std::move(repository.slice);
  ASSIGN_OR_RETURN(repository.manifest, tree::open_in(folder.get(), "manifest", O_RDONLY));
  struct stat status {};
  if (fstat(repository.manifest.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{"session configuration: the manifest is no file"};
  }
  ASSIGN_OR_RETURN(repository.pristine,
                   tree::open_in(folder.get(), "pristine", O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(repository.slice, tree::open_in(folder.get(), "tree", O_RDONLY | O_DIRECTORY));
  return Done{};
}

/// Where it cannot be told, they are not: a plain folder compared as an overlay would hide changes.
bool are_different(int one_fd, int other_fd) {
  struct stat one {};
  struct stat other {};
  return fstat(one_fd, &one) == 0 && fstat(other_fd, &other) == 0 &&
         (one.st_dev != other.st_dev || one.st_ino != other.st_ino);
}

}  // namespace

std::optional<tree::Layers> RepositoryInput::layers() const {
  if (!are_different(tree.get(), upper.get()) || !are_different(upper.get(), slice.get()) ||
      !are_different(tree.get(), slice.get())) {
    return std::nullopt;
  }
  return tree::Layers{tree.get(), upper.get(), slice.get()};
}

Result<SessionInput> take_config(protocol::Message message) {
  if (message.type != protocol::Type::kSessionConfig) {
    return Error{"the launcher sent no session configuration"};
  }
  SessionInput input;
  ASSIGN_OR_RETURN(input.config, protocol::parse_message<SessionConfig>(message));
  if (!is_ulid(input.config.spec().session())) {
    return Error{"session configuration: no session id"};
  }
  Fds fds(std::move(message.fds));
  take_fds(fds, input);
  RETURN_IF_ERROR(fds.status());
  for (RepositoryInput& repository : input.repositories)
    RETURN_IF_ERROR(open_slice(repository));
  return input;
}

Result<model::Profile> profile_of(const SessionConfig& config) {
  const std::string& canonical = config.spec().canonical();
  if (config.profile_sha256() != evidence::as_view(evidence::sha256(canonical))) {
    return Error{"session configuration: the profile is not the one announced"};
  }
  ASSIGN_OR_RETURN(model::Profile profile, parse::parse_canonical(canonical));
  bool same = config.repositories_size() == static_cast<int>(profile.repositories.size());
  for (int i = 0; same && i < config.repositories_size(); ++i) {
    same = config.repositories(i).name() == profile.repositories[static_cast<size_t>(i)].name;
  }
  if (!same) return Error{"session configuration: its repositories are not the profile's"};
  return profile;
}

events::RecorderOpen first_event(const SessionConfig& config, const model::Profile& profile) {
  const protocol::SessionSpec& spec = config.spec();
  events::RecorderOpen open;
  open.profile_sha256 = config.profile_sha256();
  open.profile_canonical = spec.canonical();
  open.profile_name = profile.name;
  open.profile_version = profile.version;
  open.task = spec.task();
  open.workspace = spec.workspace();
  open.host = config.host();
  open.person = spec.person();
  open.mode = config.mode();
  open.sensor = config.sensor();
  open.asked = config.asked();
  open.command.assign(spec.command().begin(), spec.command().end());
  open.tty = spec.tty();
  for (const protocol::AssuranceItem& item : config.assurance()) {
    open.assurance.push_back({item.id(), item.given(), item.why()});
  }
  std::map<std::string, protocol::RuleLine> lines;
  for (const protocol::RuleLine& line : spec.rule_lines())
    lines[line.id()] = line;
  for (const decide::DecideRule& rule : decide::rules_of(profile)) {
    const auto line = lines.find(rule.id);
    if (line == lines.end() || line->second.line() == 0) {
      open.rules.push_back({rule.id, rule.words, "", 0});
      continue;
    }
    const protocol::RuleLine& written = line->second;
    open.rules.push_back({rule.id, rule.words,
                          written.file().empty() ? spec.profile_path() : written.file(),
                          written.line()});
  }
  return open;
}

std::optional<events::PolicyAgreed> agreement_event(const SessionConfig& config) {
  if (!config.spec().has_agreement()) return std::nullopt;
  const protocol::Agreement& agreement = config.spec().agreement();
  return events::PolicyAgreed{agreement.file(),        agreement.version(), agreement.text_sha256(),
                              agreement.accepted_ns(), agreement.how(),     agreement.answer()};
}

}  // namespace carrel::session
