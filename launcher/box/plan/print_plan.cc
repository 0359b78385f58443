// The plan as text: what a reviewer reads is what runs.

#include <sched.h>
#include <sys/resource.h>

#include <cstdio>

#include "launcher/box/plan/landlock.h"
#include "launcher/box/plan/plan.h"
#include "profiles/base/text.h"

namespace carrel::plan {
namespace {

std::string octal(uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string amount(uint64_t value) {
  return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

std::string words(SeccompProgram program) {
  if (program == SeccompProgram::kContractor) return "contractor";
  return program == SeccompProgram::kSlicer ? "slicer" : "sshd";
}

std::string words(const Source& source) {
  switch (source.kind) {
    case SourceKind::kTree:
      return "tree of " + quoted(source.repository);
    case SourceKind::kEntry:
      return "ro/" + std::to_string(source.entry) + " of " + quoted(source.repository);
    case SourceKind::kHome:
      return "home";
    case SourceKind::kCredentials:
      return "credentials";
    case SourceKind::kInside:
      return "inside";
    case SourceKind::kTrust:
      return "trust";
    case SourceKind::kTrustBundle:
      return "trust bundle";
    case SourceKind::kTrustJavaStore:
      return "trust java store";
    case SourceKind::kInsideProgram:
      return "carrel-inside";
    case SourceKind::kRepository:
      return "repository";
    case SourceKind::kOutput:
      return "output";
    case SourceKind::kChannel:
      return "channel";
    case SourceKind::kChannelProgram:
      return "carrel-channel";
  }
  return "unknown";
}

std::string_view word(MountKind kind) {
  switch (kind) {
    case MountKind::kTmpfs:
      return "tmpfs";
    case MountKind::kDirectory:
      return "folder";
    case MountKind::kSymlink:
      return "link";
    case MountKind::kFile:
      return "file";
    case MountKind::kHostBind:
      return "host";
    case MountKind::kSource:
      return "source";
    case MountKind::kProc:
      return "proc";
    case MountKind::kDevpts:
      return "devpts";
    case MountKind::kDevice:
      return "device";
    case MountKind::kReadOnly:
      return "read-only";
    case MountKind::kMaskFile:
      return "mask-file";
    case MountKind::kMaskFolder:
      return "mask-folder";
  }
  return "unknown";
}

std::string mount_flags(const MountStep& step) {
  std::string text = step.access == Access::kReadOnly ? " ro" : " rw";
  if (step.exec == Exec::kForbidden) text += " noexec";
  text += step.kind == MountKind::kDevice || step.kind == MountKind::kDevpts ? " nosuid"
                                                                             : " nosuid nodev";
  return text;
}

std::string made_by(const MountStep& step) {
  return " mode=" + octal(step.mode) +
         (step.owner == Owner::kInit ? " owner=init" : " owner=payload");
}

std::string mount_line(const MountStep& step, const std::vector<Source>& sources) {
  std::string line = std::string(word(step.kind)) + " " + quoted(step.target.text());
  switch (step.kind) {
    case MountKind::kTmpfs:
      return line + mount_flags(step) + made_by(step) + " size=" + std::to_string(step.size_bytes) +
             " inodes=" + std::to_string(step.inodes);
    case MountKind::kDirectory:
      return line + made_by(step);
    case MountKind::kSymlink:
      return line + " -> " + quoted(step.text);
    case MountKind::kFile:
      return line + made_by(step) + " bytes=" + std::to_string(step.text.size());
    case MountKind::kHostBind:
      return line + (step.host ? " from " + quoted(step.host->text()) : "") + mount_flags(step) +
             (step.type == TargetType::kFile ? " file" : " folder");
    case MountKind::kSource: {
      const bool named = step.source && *step.source < sources.size();
      line += " from " +
              (named ? "#" + std::to_string(*step.source) + " " + words(sources[*step.source])
                     : std::string("nothing"));
      line += mount_flags(step) + (step.type == TargetType::kFile ? " file" : " folder");
      if (step.idmapped) {
        line +=
            " idmapped=" + std::to_string(step.disk_owner) + ":" + std::to_string(step.disk_group);
      }
      return line + (step.make_target ? "" : " on-what-is-there");
    }
    case MountKind::kDevice:
      return line + mount_flags(step) + " " + std::to_string(step.device_major) + ":" +
             std::to_string(step.device_minor);
    case MountKind::kProc:
    case MountKind::kDevpts:
    case MountKind::kReadOnly:
    case MountKind::kMaskFile:
    case MountKind::kMaskFolder:
      return line + mount_flags(step);
  }
  return line;
}

// A file's bytes below its line, so that a changed passwd is seen in a golden text.
std::string file_text(const std::string& bytes) {
  std::string out;
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    out += "      | " + quoted(std::string_view(bytes).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

std::string namespaces(uint64_t flags) {
  std::string text;
  const auto add = [&](uint64_t flag, const char* name) {
    if ((flags & flag) != 0) text += std::string(" ") + name;
  };
  add(CLONE_NEWUSER, "user");
  add(CLONE_NEWNS, "mount");
  add(CLONE_NEWPID, "pid");
  add(CLONE_NEWIPC, "ipc");
  add(CLONE_NEWUTS, "uts");
  add(CLONE_NEWCGROUP, "cgroup");
  return text + ", network joined before";
}

std::string_view limit_name(int resource) {
  switch (resource) {
    case RLIMIT_CORE:
      return "core";
    case RLIMIT_MEMLOCK:
      return "memlock";
    case RLIMIT_MSGQUEUE:
      return "msgqueue";
    case RLIMIT_NICE:
      return "nice";
    case RLIMIT_NOFILE:
      return "nofile";
    case RLIMIT_NPROC:
      return "nproc";
    case RLIMIT_RTPRIO:
      return "rtprio";
    case RLIMIT_STACK:
      return "stack";
    default:
      return "other";
  }
}

std::string ceiling(uint64_t value) {
  return value == 0 ? "none" : std::to_string(value);
}

std::string print_security(const SandboxPlan& plan) {
  char bits[24];
  std::snprintf(bits, sizeof bits, "0x%llx", static_cast<unsigned long long>(plan.securebits));
  std::string out = "ceilings processes=" + ceiling(plan.ceilings.processes) +
                    " memory=" + ceiling(plan.ceilings.memory_bytes) +
                    " cpu=" + ceiling(plan.ceilings.cpu_milli) + "\n";
  for (const Rlimit& one : plan.rlimits) {
    out += "rlimit " + std::string(limit_name(one.resource)) + " " + amount(one.soft) + " " +
           amount(one.hard) + "\n";
  }
  out += "capabilities none (bounding set empty), securebits " + std::string(bits) +
         ", no_new_privs, not by uid 0\n";
  if (plan.landlock.handled_fs == 0) {
    out += "landlock none\n";
  } else {
    out += "landlock handles " + landlock_words(plan.landlock.handled_fs) + "\n";
    if ((plan.landlock.scoped & 1) != 0) out += "landlock scopes abstract-unix-sockets\n";
    if ((plan.landlock.scoped & 2) != 0) out += "landlock scopes signals\n";
    for (const LandlockRule& rule : plan.landlock.rules) {
      out += "landlock " + quoted(rule.path.text()) + " " + landlock_words(rule.rights) + "\n";
    }
  }
  return out + "seccomp " + words(plan.seccomp) +
         (plan.watched == Watched::kByListener ? ", notifying" : "") + "\n";
}

}  // namespace

std::string print_plan(const SandboxPlan& plan) {
  std::string out = "uids init " + std::to_string(plan.uids.init_inside()) + "=" +
                    std::to_string(plan.uids.init_host()) + " payload " +
                    std::to_string(kPayloadUid) + "=" + std::to_string(plan.uids.payload_host()) +
                    "\n";
  out += "hostname " + quoted(plan.hostname) + "\n";
  out += "namespaces" + namespaces(plan.namespaces) + "\n";
  for (size_t i = 0; i < plan.sources.size(); ++i) {
    out += "descriptor #" + std::to_string(i) + " " + words(plan.sources[i]) + "\n";
  }
  for (const MountStep& step : plan.mounts) {
    out += "mount " + mount_line(step, plan.sources) + "\n";
    if (step.kind == MountKind::kFile) out += file_text(step.text);
  }
  for (const std::string& variable : plan.environment)
    out += "environment " + quoted(variable) + "\n";
  out += print_security(plan);
  out += "umask " + octal(plan.umask) + "\n";
  out += plan.program == Program::kPath ? "command" : "command by descriptor";
  for (const std::string& argument : plan.command)
    out += " \"" + quoted(argument) + "\"";
  out += "\ndirectory " + quoted(plan.directory.text()) + "\n";
  out += plan.terminal == Terminal::kPty ? "terminal pty\n" : "terminal pipes\n";
  for (const Guarantee& one : plan.guarantees) {
    out += "guarantee " + std::string(to_string(one.id)) + (one.given ? " given" : " missing") +
           (one.used ? "" : " (unused)") + ": " + one.why + "\n";
  }
  return out;
}

}  // namespace carrel::plan
