#include "launcher/watch/notify/watcher.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "launcher/box/plan/seccomp_table.h"
#include "launcher/watch/notify/memory.h"
#include "launcher/watch/notify/socket.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::notify {

using plan::kNoArgument;
using plan::NotifiedCall;
using plan::NotifiedKind;

namespace {

constexpr uint32_t kSymlink = 88, kSymlinkAt = 266, kLinkAt = 265;
constexpr size_t kHowBytes = 24;  // struct open_how of Linux 5.6

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// The descriptor of the asker's that a name of the kernel's own stands for.
std::optional<int> own_descriptor(std::string_view name) {
  for (const std::string_view start : {"/proc/self/fd/", "/dev/fd/"}) {
    if (!name.starts_with(start)) continue;
    const std::string_view number = name.substr(start.size());
    int fd = -1;
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), fd);
    if (failed == std::errc() && end == number.data() + number.size() && fd >= 0) return fd;
  }
  return std::nullopt;
}

bool is_symlink(uint32_t number) {
  return number == kSymlink || number == kSymlinkAt;
}

}  // namespace

/// What is known of the call in hand.
struct Watcher::Call {
  uint32_t number = 0;
  std::array<uint64_t, 6> args{};
  const NotifiedCall* entry = nullptr;
  const Task* task = nullptr;
  const Memory* memory = nullptr;
  Stamp stamp;
  Judgement out;

  void keep(std::string record) { out.records.push_back(std::move(record)); }
  /// The kernel must not see an argument that we have not seen. A program that may not be read at
  /// all (its file is not readable) does nothing unseen either; it hears EPERM.
  void refuse(int error) {
    if (error == EFAULT && memory != nullptr && memory->trouble() != 0) error = memory->trouble();
    stamp.error = error;
    out.refuse_with = error;
  }
};

PathName Watcher::resolve(const Call& call, uint8_t folder, const std::string& given) const {
  if (const auto own = own_descriptor(given); own.has_value()) {
    const std::string path = Tasks::path_of(*call.task, *own);
    return {path.empty() ? given : path, true, false, true};
  }
  if (given.starts_with('/')) return {given, true, false, false};
  const int32_t fd =
      folder == kNoArgument ? AT_FDCWD : static_cast<int32_t>(call.args[folder] & 0xFFFFFFFF);
  const std::string base =
      fd == AT_FDCWD ? Tasks::folder_of(*call.task) : Tasks::path_of(*call.task, fd);
  if (base.empty()) return {given, false, false, false};
  if (given.empty()) return {base, true, false, true};
  return {base == "/" ? "/" + given : base + "/" + given, true, false, false};
}

/// A path argument; call.out.refuse_with is set where it cannot be read. An empty one stands for a
/// descriptor in execveat alone; elsewhere the kernel answers ENOENT.
PathName Watcher::name(Call& call, uint8_t folder, uint8_t argument) {
  const Copied text = call.memory->text(call.args[argument]);
  if (text.error != 0) {
    call.refuse(text.error);
    return {"", false, false, false};
  }
  PathName path = resolve(call, folder, text.bytes);
  if (text.bytes.empty() && call.entry->kind != NotifiedKind::kExec) path.by_descriptor = false;
  path.empty = text.bytes.empty() && !path.by_descriptor;
  return path;
}

Seen Watcher::see(const Call& call, const PathName& path, View::Last last, bool parent) {
  Seen seen;
  if (!path.known) {
    seen.error = EBADF;
    return seen;
  }
  if (path.empty) {
    seen.error = ENOENT;
    return seen;
  }
  if (path.by_descriptor) {
    seen.unclear = true;
    return seen;
  }
  if (view_ == nullptr) {
    UniqueFd root(openat(call.task->folder.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root.valid()) {
      seen.unclear = true;
      return seen;
    }
    view_ = std::make_unique<View>(std::move(root));
  }
  return view_->look(path.text, last, parent);
}

void Watcher::open(Call& call) {
  const NotifiedCall& entry = *call.entry;
  PathName path = name(call, entry.folder, entry.name);
  uint64_t flags = 0;
  if (entry.flags == plan::kTruncateFlags) {
    flags = O_WRONLY | O_TRUNC;
  } else if (entry.flags == plan::kCreatFlags) {
    flags = O_CREAT | O_WRONLY | O_TRUNC;
  } else if (entry.flags == plan::kOpenHow) {
    const Copied how = call.memory->exactly(call.args[2], kHowBytes);
    if (how.error != 0 && call.out.refuse_with == 0) call.refuse(how.error);
    if (how.error == 0) std::memcpy(&flags, how.bytes.data(), sizeof flags);
  } else {
    flags = call.args[entry.flags];
  }
  const auto wanted = static_cast<uint32_t>(flags);
  FileId file;
  bool created = false;
  if (call.out.refuse_with == 0) {
    const bool as_it_is =
        (wanted & O_NOFOLLOW) != 0 || ((wanted & O_CREAT) != 0 && (wanted & O_EXCL) != 0);
    const Seen seen = see(call, path, as_it_is ? View::Last::kAsItIs : View::Last::kFollow,
                          (wanted & O_CREAT) != 0);
    const Outcome outcome = outcome_of_open(seen, wanted);
    call.stamp.error = outcome.error;
    created = outcome.created;
    if (outcome.error == 0 && !created && !seen.path.empty()) path.text = seen.path;
    if (outcome.error == 0) file = seen.file;
  }
  call.keep(open_record(call.stamp, path, wanted, created, file));
}

void Watcher::exec(Call& call) {
  const NotifiedCall& entry = *call.entry;
  const bool at = entry.flags != kNoArgument;
  PathName path = name(call, entry.folder, entry.name);
  Memory::Arguments arguments;
  Seen seen;
  if (call.out.refuse_with == 0) {
    arguments = call.memory->arguments(call.args[at ? 2 : 1], CARREL_ARGV_MAX);
    const bool as_it_is = at && (call.args[entry.flags] & AT_SYMLINK_NOFOLLOW) != 0;
    seen = see(call, path, as_it_is ? View::Last::kAsItIs : View::Last::kFollow, false);
    call.stamp.error = outcome_of_exec(seen);
    if (arguments.error != 0) call.refuse(arguments.error);
  }
  if (call.stamp.error != 0) {
    return call.keep(name_record(CARREL_EXEC_FAILED, call.stamp, call.number, path));
  }
  if (!seen.path.empty()) path.text = seen.path;
  call.keep(exec_record(call.stamp, path, arguments.bytes, arguments.total, seen.file));
}

/// unlink and rmdir, mkdir and mknod, chdir.
void Watcher::one_name(Call& call) {
  const NotifiedCall& entry = *call.entry;
  PathName path = name(call, entry.folder, entry.name);
  const bool enters = entry.kind == NotifiedKind::kEnter;
  if (call.out.refuse_with == 0) {
    const Seen seen = see(call, path, enters ? View::Last::kFollow : View::Last::kAsItIs, !enters);
    call.stamp.error = enters                                ? outcome_of_enter(seen)
                       : entry.kind == NotifiedKind::kUnlink ? outcome_of_removal(seen)
                                                             : outcome_of_making(seen);
    if (enters && call.stamp.error == 0 && !seen.path.empty()) path.text = seen.path;
  }
  const uint16_t type = enters                                ? uint16_t{CARREL_ENTER}
                        : entry.kind == NotifiedKind::kUnlink ? uint16_t{CARREL_UNLINK}
                                                              : uint16_t{CARREL_MAKE};
  call.keep(name_record(type, call.stamp, call.number, path));
}

/// rename, link, symlink.
void Watcher::two_names(Call& call) {
  const NotifiedCall& entry = *call.entry;
  const bool renames = entry.kind == NotifiedKind::kRename;
  PathName first;
  if (is_symlink(call.number)) {
    const Copied target = call.memory->text(call.args[entry.name]);
    if (target.error != 0) call.refuse(target.error);
    first = {target.bytes, false, false, false};
  } else {
    first = name(call, entry.folder, entry.name);
  }
  const PathName second = name(call, entry.folder2, entry.name2);
  if (call.out.refuse_with == 0) {
    const bool follows = call.number == kLinkAt && (call.args[4] & AT_SYMLINK_FOLLOW) != 0;
    int error = 0;
    if (!is_symlink(call.number)) {
      const Seen old =
          see(call, first, follows ? View::Last::kFollow : View::Last::kAsItIs, renames);
      error = renames ? outcome_of_removal(old) : (old.unclear ? 0 : old.error);
    }
    if (error == 0) {
      const Seen fresh = see(call, second, View::Last::kAsItIs, true);
      error = renames ? outcome_of_new_name(fresh) : outcome_of_making(fresh);
    }
    call.stamp.error = error;
  }
  call.keep(names_record(renames ? uint16_t{CARREL_RENAME} : uint16_t{CARREL_MAKE}, call.stamp,
                         call.number, first, second));
}

void Watcher::enter_descriptor(Call& call) {
  const PathName path = resolve(call, call.entry->folder, "");
  call.stamp.error = path.known ? 0 : EBADF;
  call.keep(name_record(CARREL_ENTER, call.stamp, call.number, path));
}

/// Kept before the call goes on, so that it is there when the gateway tells of the connection.
void Watcher::keep_flow(Call& call) {
  const auto socket = static_cast<int>(call.args[0]);
  const uint64_t cookie = cookie_of(call.task->tgid, call.task->tid, socket);
  if (cookie != 0) call.keep(flow_record(call.stamp, cookie));
}

void Watcher::connect(Call& call) {
  const auto size = std::min<uint64_t>(call.args[2] & 0xFFFFFFFF, CARREL_ADDRESS_MAX);
  Copied address = call.memory->exactly(call.args[1], size);
  if (address.error != 0) call.refuse(address.error);
  sa_family_t family = AF_UNSPEC;
  if (address.bytes.size() > sizeof family) {
    std::memcpy(&family, address.bytes.data(), sizeof family);
  }
  if (family == AF_UNIX && address.bytes[sizeof family] != '\0') {
    std::string given = address.bytes.substr(sizeof family);
    given.resize(std::min(given.find('\0'), given.size()));
    const PathName path = resolve(call, kNoArgument, given);
    const Seen seen = see(call, path, View::Last::kFollow, false);
    if (!seen.unclear && seen.error != 0) call.stamp.error = seen.error;
    if (!seen.unclear && seen.error == 0 && !S_ISSOCK(seen.mode)) call.stamp.error = ECONNREFUSED;
    address.bytes.resize(sizeof family);
    address.bytes += path.text;
  } else if (call.out.refuse_with == 0) {
    if (leads_out(address.bytes)) keep_flow(call);
    call.stamp.error = outcome_of_connect(address.bytes);
  }
  call.keep(connect_record(call.stamp, address.bytes));
}

Judgement Watcher::look(const seccomp_notif& notified) {
  Call call;
  call.number = static_cast<uint32_t>(notified.data.nr);
  std::copy(std::begin(notified.data.args), std::end(notified.data.args), call.args.begin());
  call.stamp.time_ns = now_ns();
  call.stamp.tgid = call.stamp.tid = notified.pid;
  call.task = tasks_.find(notified.pid);
  if (call.task != nullptr) {
    call.stamp.tgid = call.task->tgid;
    call.stamp.start_ns = call.task->start_ns;
    auto birth = tasks_.birth(*call.task, call.stamp.time_ns);
    if (birth.has_value()) call.keep(std::move(*birth));
  }
  const plan::Verdict verdict =
      plan::evaluate(plan::contractor_table(), notified.data.arch, call.number, call.args);
  call.entry = plan::find_notified(call.number);
  int refusal = verdict.action == plan::Action::kAllow ? 0 : verdict.error;
  if (verdict.action == plan::Action::kKillProcess) refusal = EPERM;  // the filter itself kills
  if (refusal == 0 && (call.entry == nullptr || call.task == nullptr)) refusal = EPERM;
  if (refusal != 0) {
    call.refuse(refusal);
    if (verdict.report == plan::Report::kEvent) {
      call.keep(refused_record(call.stamp, call.number, call.args));
    }
    return std::move(call.out);
  }
  const Memory memory(static_cast<pid_t>(notified.pid));
  call.memory = &memory;
  switch (call.entry->kind) {
    case NotifiedKind::kOpen:
      open(call);
      break;
    case NotifiedKind::kExec:
      exec(call);
      break;
    case NotifiedKind::kConnect:
      connect(call);
      break;
    case NotifiedKind::kRename:
      two_names(call);
      break;
    default:
      if (call.entry->name == kNoArgument) {
        enter_descriptor(call);
      } else if (call.entry->name2 != kNoArgument) {
        two_names(call);
      } else {
        one_name(call);
      }
  }
  return std::move(call.out);
}

}  // namespace carrel::notify
