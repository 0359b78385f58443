#include "broker/programs/broker_main.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fstream>
#include <memory>
#include <string>

#include "broker/programs/broker_confinement.h"
#include "broker/programs/broker_keys.h"
#include "broker/programs/broker_loop.h"
#include "broker/programs/broker_options.h"
#include "broker/programs/profile_reader.h"
#include "broker/programs/token_keys.h"
#include "broker/record/evidence/note.h"
#include "broker/record/evidence/seal.h"
#include "broker/service/credentials/issuer.h"
#include "broker/service/monitor/monitor.h"
#include "broker/service/people/adopt.h"
#include "broker/service/people/standalone.h"
#include "broker/service/store/file_segment_store.h"
#include "broker/service/store/rebuild.h"
#include "broker/service/store/sqlite_catalogue.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::programs {
namespace {

/// Of an issuer that nobody outside can ask for its keys.
constexpr std::string_view kIssuerName = "carrel.local";
constexpr uint64_t kNsPerS = 1'000'000'000;

uint64_t real_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Result<std::string> random_bytes(size_t count) {
  std::string bytes(count, '\0');
  // getrandom(2): up to 256 bytes come whole.
  if (count > 256 || getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count)) {
    return errno_error("getrandom");
  }
  return bytes;
}

monitor::Log log_to(int fd) {
  return [fd](const std::string& line) {
    const std::string whole = to_rfc3339(real_ns()) + " broker." + line + "\n";
    (void)!write(fd, whole.data(), whole.size());
  };
}

/// Raises the soft limit: each session holds a few descriptors.
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/// Makes OpenSSL read its configuration and set up all it will need, while files can be reached.
Status warm_up_openssl() {
  ASSIGN_OR_RETURN(const Secret seed, evidence::generate_seed());
  ASSIGN_OR_RETURN(const evidence::SigningKey key, evidence::SigningKey::from_seed(seed));
  ASSIGN_OR_RETURN(const evidence::Signature signature, key.sign("warm-up"));
  if (!evidence::verify_signature(key.public_key(), "warm-up", signature)) {
    return Error{"OpenSSL does not believe its own signature"};
  }
  (void)evidence::sha256("warm-up");
  return Done{};
}

/// All that a broker works with, in the order in which it is opened.
struct Broker {
  store::RecordFolder records;
  credentials::IssuerNames issuer;
  BrokerKeys keys;
  std::unique_ptr<store::Catalogue> catalogue;
};

Result<Broker> open_store(const BrokerOptions& options, const monitor::Log& log) {
  ASSIGN_OR_RETURN(store::RecordFolder records, store::RecordFolder::open(options.store_fd));
  ASSIGN_OR_RETURN(const std::vector<std::string> sessions, records.sessions());
  ASSIGN_OR_RETURN(credentials::IssuerNames issuer, read_issuer_names(options.store_fd));
  ASSIGN_OR_RETURN(BrokerKeys keys, open_broker_keys(options.store_fd, !sessions.empty(), issuer,
                                                     real_ns() / kNsPerS));
  if (!issuer.issuer.empty()) log("issuer name=" + issuer.issuer);
  // SQLite takes a path: relative to the store, which is the root or at least the working folder.
  ASSIGN_OR_RETURN(store::OpenedCatalogue opened, store::open_sqlite_catalogue("catalogue.sqlite"));
  if (!opened.unusable.empty()) log("catalogue.unusable why=" + quoted(opened.unusable));
  ASSIGN_OR_RETURN(const size_t rebuilt,
                   store::rebuild(*opened.catalogue, records, keys.seals.public_key()));
  if (rebuilt > 0) {
    log("catalogue.rebuilt rows=" + std::to_string(rebuilt));
    RETURN_IF_ERROR(people::register_owners(*opened.catalogue));
  }
  struct stat owner {};
  if (fstat(options.store_fd, &owner) != 0) return errno_error("stat the state folder");
  RETURN_IF_ERROR(people::register_owner(*opened.catalogue, options.caller.value_or(owner.st_uid)));
  ASSIGN_OR_RETURN(const size_t adopted, people::adopt_work(*opened.catalogue));
  if (adopted > 0) log("catalogue.adopted workspaces=" + std::to_string(adopted));
  return Broker{std::move(records), std::move(issuer), std::move(keys),
                std::move(opened.catalogue)};
}

Status serve(Broker broker, const BrokerOptions& options, const monitor::Log& log,
             protocol::Connection& launcher, const BrokerHooks& hooks) {
  const World world{real_ns, random_bytes};
  const std::string& name = broker.issuer.issuer;
  credentials::Issuer issuer(name.empty() ? std::string(kIssuerName) : name,
                             std::move(broker.keys.tokens), world);
  ASSIGN_OR_RETURN(const evidence::SigningKey ticket_key, make_key_of_start());
  ASSIGN_OR_RETURN(const evidence::SigningKey ssh_key, make_key_of_start());
  monitor::Monitor monitor(
      {*broker.catalogue, broker.records, broker.keys.seals, ticket_key, ssh_key, issuer, world,
       read_profile, log,
       options.service ? monitor::Serves::kGivenTasks : monitor::Serves::kCallersProfiles});
  if (hooks.when_ready) hooks.when_ready();
  protocol::BrokerReady ready;
  ready.set_vkey(evidence::format_vkey(
      evidence::make_vkey(evidence::kBrokerKeyName, broker.keys.seals.public_key())));
  ready.set_ticket_key(std::string(evidence::as_view(ticket_key.public_key())));
  RETURN_IF_ERROR(protocol::send_message(launcher, protocol::Type::kBrokerReady, ready));
  log("ready pid=" + std::to_string(getpid()));
  const auto tend = [&]() -> Status {
    ASSIGN_OR_RETURN(credentials::KeyRing keys,
                     tend_token_keys(options.store_fd, broker.issuer, real_ns() / kNsPerS));
    if (keys.jwks() != issuer.jwks()) log("keys.changed");
    issuer.use(std::move(keys));
    return Done{};
  };
  BrokerLoop loop(monitor, log, UniqueFd(options.listener_fd), std::move(launcher), options,
                  {hooks.tend_ms, tend});
  return loop.run();
}

/// The host's root is not taken for a caller in a user namespace: its files would be the broker's.
Status check_is_caller(uid_t caller) {
  std::ifstream map("/proc/self/uid_map");
  uid_t inside = 0;
  uid_t outside = 0;
  uint64_t count = 0;
  map >> inside >> outside >> count;
  if (map && inside == 0 && outside == caller && caller != 0 && count == 1) return Done{};
  return Error{"--caller: uid 0 here is not that user alone", EPERM};
}

Status run(const BrokerOptions& options, const monitor::Log& log, protocol::Connection& launcher,
           const BrokerHooks& hooks) {
  if (geteuid() == 0 && options.uid == 0 && !options.caller.has_value())
    return Error{"--uid of another user than root is required"};
  if (options.caller.has_value()) RETURN_IF_ERROR(check_is_caller(*options.caller));
  umask(022);
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
  allow_many_descriptors();
  RETURN_IF_ERROR(warm_up_openssl());
  if (fchdir(options.store_fd) != 0) return errno_error("change to the store");
  if (hooks.before_confinement) hooks.before_confinement();
  const int landlock = confine::landlock_abi();
  RETURN_IF_ERROR(confine::confine_self(broker_confinement(options)));
  log("confined landlock=" + std::to_string(landlock));
  ASSIGN_OR_RETURN(Broker broker, open_store(options, log));
  return serve(std::move(broker), options, log, launcher, hooks);
}

}  // namespace

int broker_main(int argc, const char* const* argv, const BrokerHooks& hooks) {
  const auto options = parse_broker_options(argc, argv);
  if (!options.ok()) {
    const std::string text = "carrel-broker: " + options.error().what + "\n";
    (void)!write(STDERR_FILENO, text.data(), text.size());
    return 1;
  }
  const monitor::Log log = log_to(options.value().log_fd);
  protocol::Connection launcher{UniqueFd(options.value().launcher_fd)};
  Status done = Done{};
  try {
    done = run(options.value(), log, launcher, hooks);
  } catch (const std::exception& thrown) {
    done = Error{std::string("exception: ") + thrown.what()};
  }
  if (done.ok()) {
    log("ended");
    return 0;
  }
  log("failed why=" + quoted(to_string(done.error())));
  if (launcher.valid()) {
    const monitor::Reply reply = monitor::failure(123, to_string(done.error()));
    (void)launcher.send(reply.type, reply.body).ok();
  }
  return 1;
}

}  // namespace carrel::programs
