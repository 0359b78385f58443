// From event 0 to the open gate.

#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/notice.h"
#include "launcher/watch/session/session.h"
#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::session {
namespace {

using protocol::Type;

constexpr uint64_t kRecordedNs = 10 * kNsPerS;
constexpr uint64_t kGateNs = 60 * kNsPerS;
constexpr uint32_t kDefaultColumns = 80;
constexpr uint32_t kDefaultRows = 24;

/// Of those that are issued at the start.
std::vector<std::string> credential_names(const model::Profile& profile) {
  std::vector<std::string> names;
  for (const model::Credential& credential : profile.credentials) {
    if (credential.issue == model::CredentialIssue::kStart) names.push_back(credential.name);
  }
  return names;
}

std::vector<TimeBound> bounds_of(const protocol::SessionConfig& config) {
  std::vector<TimeBound> bounds;
  if (config.max_duration_s() != 0) {
    bounds.push_back({"max_duration", model::to_duration_text(config.max_duration_s()),
                      config.max_duration_s(), 0});
  }
  for (const protocol::TimeMoment& moment : config.moments())
    bounds.push_back({moment.limit(), moment.words(), 0, moment.until_ns()});
  return bounds;
}

std::map<std::string, uint64_t> limits_of(const protocol::SessionConfig& config) {
  std::map<std::string, uint64_t> values;
  for (const protocol::LimitValue& value : config.limits())
    values[value.limit()] = value.value();
  return values;
}

std::vector<Volume> volumes_of(const SessionInput& input) {
  std::vector<Volume> volumes;
  for (int i = 0; i < input.config.volumes_size(); ++i) {
    const protocol::Volume& given = input.config.volumes(i);
    Volume volume{given.limit(), given.path()};
    volume.devices.push_back(device_of(input.volumes[static_cast<size_t>(i)].get()));
    volume.devices.insert(volume.devices.end(), given.devices().begin(), given.devices().end());
    volume.also.assign(given.also().begin(), given.also().end());
    volumes.push_back(std::move(volume));
  }
  return volumes;
}

/// In this order: the volumes are looked at before their descriptors are given away.
LimitKeeper limit_keeper(SessionInput& input, RecordLink& record,
                         std::function<void(std::string)> say) {
  const std::vector<Volume> volumes = volumes_of(input);
  LimitWatch watch(limits_of(input.config), volumes);
  LimitLines lines(input.config.spec(), volumes);
  LimitFiles files(std::move(input.limit_files), std::move(input.volumes));
  return {std::move(watch), std::move(lines), std::move(files), record, std::move(say)};
}

protocol::Started started_of(const protocol::SessionConfig& config, const model::Profile& profile) {
  protocol::Started started;
  started.set_session(config.spec().session());
  started.set_workspace(config.spec().workspace());
  started.set_task(config.spec().task());
  started.set_profile(profile.name);
  started.set_profile_sha256(to_hex(config.profile_sha256()));
  started.set_mode(config.mode());
  started.set_sensor(config.sensor());
  started.set_asked(config.asked());
  for (const protocol::AssuranceItem& item : config.assurance()) {
    if (!item.given()) started.add_missing(item.id());
  }
  return started;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::start(SessionParts parts,
                                                protocol::Connection& launcher) {
  ASSIGN_OR_RETURN(auto record,
                   RecordLink::start(parts.input.config.spec().session(), parts.clock,
                                     parts.entropy, parts.seeds, std::move(parts.input.broker)));
  return std::unique_ptr<Session>(new Session(std::move(parts), std::move(record), launcher));
}

Session::Session(SessionParts parts, std::unique_ptr<RecordLink> record,
                 protocol::Connection& launcher)
    : input_(std::move(parts.input)),
      profile_(std::move(parts.profile)),
      clock_(std::move(parts.clock)),
      sensor_(std::move(parts.sensor)),
      difference_(std::move(parts.difference)),
      launcher_(launcher),
      record_(std::move(record)),
      client_(std::move(input_.client)),
      init_(std::move(input_.init)),
      cgroup_(std::move(input_.cgroup_events), std::move(input_.cgroup_kill),
              std::move(input_.cgroup_freeze)),
      judge_(profile_),
      denials_(input_.config.spec(), profile_),
      feed_(
          *sensor_, judge_, *record_,
          [this](const events::Event& event) { return process_channels_.of(event); },
          [this](const events::Event& event) { say(event); },
          [this](const sensor::Observation& seen) { limits_.see(seen); },
          [this](uint64_t cookie, FlowJoin::Owner owner) {
            flows_.connects(cookie, std::move(owner));
          }),
      leases_(credential_names(profile_), CredentialFolder(std::move(input_.credentials)),
              *record_),
      limits_(limit_keeper(input_, *record_,
                           [this](std::string line) { inform(Type::kNotice, line); })),
      output_(terminal_, *record_, client_, clock_),
      channels_(started_of(input_.config, profile_), notice(input_.config, profile_), init_,
                *record_, clock_,
                [this] {
                  const SensorFeed::Totals totals = feed_.totals();
                  return Channels::Sensed{totals.produced, totals.recorded + totals.lost};
                }),
      ssh_(
          channels_, *record_, clock_, notice(input_.config, profile_),
          [this](const protocol::StartSsh& wanted) {
            return launcher_open_ &&
                   protocol::send_message(launcher_, Type::kStartSsh, wanted).ok();
          },
          [this](const std::string& host, uint32_t port, const std::string& channel) {
            refuse_forward(host, port, channel);
          },
          [this] {
            const SensorFeed::Totals totals = feed_.totals();
            return Channels::Sensed{totals.produced, totals.recorded + totals.lost};
          }),
      answers_(input_.config, profile_, denials_, judge_, limits_.watch()),
      grants_(input_.config.spec(), profile_),
      inside_(std::move(input_.inside), input_.config.asker_uid(),
              [this](const inside::Question& question) { return answer(question); }),
      gateway_(std::move(input_.gateway)),
      time_(bounds_of(input_.config), input_.config.idle_timeout_s()) {
  if (!input_.config.gateway()) return;
  leases_.use_sink({[this](const protocol::Minted& minted) {
                      gateway_.take_lease(minted);
                      return Status(Done{});
                    },
                    [this](const std::string& name) { gateway_.end_lease(name); }});
}

void Session::begin() {
  began_ns_ = now();
  record_->open(first_event(input_.config, profile_));
  if (const auto agreed = agreement_event(input_.config)) record_->add(*agreed);
  // What was read in one go with the configuration makes no descriptor readable any more.
  serve_launcher();
  if (input_.config.spec().tty()) return;
  const Status pipes = terminal_.use_pipes(std::move(input_.stdin_fd), std::move(input_.stdout_fd),
                                           std::move(input_.stderr_fd));
  if (!pipes.ok()) end(ended_by_setup(pipes.error()), Stop::kKill);
}

/// Takes the next step that has become possible. The launcher hears "recorded" when nothing is left
/// but to arm the sensor and say go.
void Session::check_start() {
  if (gate_opened_ns_.has_value() || ending_.has_value()) return;
  if (record_->opened()) leases_.ask_due(now_s());
  const bool can_end = !cgroup_.ends_by_init() || cgroup_.knows_init();
  const bool all_there =
      record_->opened() && ready_ && can_end && !terminal_.outputs().empty() && leases_.complete();
  if (all_there && !told_recorded_) {
    protocol::Recorded recorded;
    recorded.set_reader_tid(static_cast<uint32_t>(sensor_->thread_id()));
    tell(Type::kRecorded, recorded.SerializeAsString());
    told_recorded_ = true;
  }
  if (told_recorded_ && go_) return open_gate();
  if (!record_->opened() && now() > began_ns_ + kRecordedNs) {
    end(ended_by_setup(Error{"the broker did not acknowledge event 0", ETIMEDOUT}), Stop::kKill);
  } else if (now() > began_ns_ + kGateNs) {
    end(ended_by_setup(Error{"the workspace did not become ready", ETIMEDOUT}), Stop::kKill);
  }
}

/// The notice is on its way before the command can write its first byte.
void Session::open_gate() {
  client_.send(Type::kNotice, notice(input_.config, profile_));
  if (input_.config.spec().tty()) {
    const uint32_t columns = input_.config.columns();
    const uint32_t rows = input_.config.rows();
    const bool known = ClientResize::is_size(columns, rows);
    resize(known ? columns : kDefaultColumns, known ? rows : kDefaultRows);
  }
  if (write(input_.gate.get(), "g", 1) != 1) {
    return end(ended_by_setup(errno_error("open the gate")), Stop::kKill);
  }
  input_.gate.reset();
  gate_opened_ns_ = now();
  time_.start(both_clocks());
}

}  // namespace carrel::session
