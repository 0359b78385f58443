#include "profiles/parse/tables.h"

#include "profiles/model/words.h"
#include "profiles/parse/resolve.h"

namespace carrel::parse {
namespace {

std::optional<model::Agreement> read_agreement(const TableReader& purpose, const Reading& reading) {
  const Value* table = purpose.table("agreement", Need::kOptional);
  if (table == nullptr) return std::nullopt;
  const TableReader reader(*table, "purpose.agreement", reading);
  reader.refuse_other_keys();
  model::Agreement agreement;
  agreement.where = purpose.where("agreement");
  agreement.file = reader.text("file", check_file, Need::kRequired);
  agreement.version = reader.integer("version", {1, kMaxVersion}, Need::kRequired);
  agreement.survives_s = reader.duration("survives", {1, kMaxKeptSeconds}, 0);
  return agreement;
}

std::optional<model::Hours> read_hours(const TableReader& session, const Reading& reading) {
  const Value* table = session.table("hours", Need::kOptional);
  if (table == nullptr) return std::nullopt;
  const TableReader reader(*table, "session.hours", reading);
  reader.refuse_other_keys();
  model::Hours hours;
  hours.where = session.where("hours");
  hours.days = reader.days("days");
  hours.from_min = reader.time("from", {0, 24 * 60 - 1});
  hours.to_min = reader.time("to", {1, 24 * 60});
  hours.zone = reader.text("zone", check_zone, Need::kRequired);
  if (hours.from_min == hours.to_min && reader.has("to")) {
    reader.complain("to", "is the same as from; leave hours out for no restriction");
  }
  return hours;
}

}  // namespace

model::Purpose read_purpose(const Value& table, const Reading& reading) {
  const TableReader reader(table, "purpose", reading);
  reader.refuse_other_keys();
  model::Purpose purpose;
  purpose.statement = reader.text("statement", check_statement, Need::kRequired);
  purpose.use = reader.word("use", model::kUseWords, purpose.use);
  purpose.recipients = reader.texts("recipients", check_name);
  purpose.jurisdictions = reader.texts("jurisdictions", check_country);
  purpose.agreement = read_agreement(reader, reading);
  return purpose;
}

model::SessionRules read_session(const Value& table, const Reading& reading) {
  const TableReader reader(table, "session", reading);
  reader.refuse_other_keys();
  model::SessionRules session;
  session.assurance = reader.word("assurance", model::kAssuranceWords, session.assurance);
  session.start_after = reader.word("start_after", model::kStartAfterWords, session.start_after);
  session.keystrokes = reader.word("keystrokes", model::kKeystrokesWords, session.keystrokes);
  session.on_record_failure =
      reader.word("on_record_failure", model::kOnRecordFailureWords, session.on_record_failure);
  session.max_duration_s = reader.duration("max_duration", {1, kMaxDurationSeconds}, 0);
  if (session.max_duration_s != 0) session.max_duration_line = reader.where("max_duration");
  session.idle_timeout_s = reader.duration("idle_timeout", {1, kMaxDurationSeconds}, 0);
  if (session.idle_timeout_s != 0) session.idle_timeout_line = reader.where("idle_timeout");
  session.hours = read_hours(reader, reading);
  return session;
}

model::Limits read_limits(const Value& table, const Reading& reading) {
  const TableReader reader(table, "limits", reading);
  reader.refuse_other_keys();
  model::Limits limits;
  limits.cpu_milli = reader.processors("cpu", {10, 1024000}, limits.cpu_milli);
  limits.memory_bytes =
      reader.size("memory", {kMinMemoryBytes, kMaxMemoryBytes}).value_or(limits.memory_bytes);
  limits.processes = reader.integer("processes", {8, 4194304}, Need::kOptional, limits.processes);
  limits.disk_bytes =
      reader.size("disk", {kMinDiskBytes, kMaxDiskBytes}).value_or(limits.disk_bytes);
  limits.inodes = reader.integer("inodes", {1000, 4294967295}, Need::kOptional, limits.inodes);
  limits.tmpfs_bytes =
      reader.size("tmpfs", {kMinTmpfsBytes, kMaxMemoryBytes}).value_or(limits.tmpfs_bytes);
  limits.open_files =
      reader.integer("open_files", {64, 1048576}, Need::kOptional, limits.open_files);
  limits.cpu_line = reader.line_of("cpu");
  limits.memory_line = reader.line_of("memory");
  limits.processes_line = reader.line_of("processes");
  limits.disk_line = reader.line_of("disk");
  limits.inodes_line = reader.line_of("inodes");
  limits.tmpfs_line = reader.line_of("tmpfs");
  limits.open_files_line = reader.line_of("open_files");
  return limits;
}

model::Retention read_retention(const Value& table, const Reading& reading) {
  const TableReader reader(table, "retention", reading);
  reader.refuse_other_keys();
  model::Retention retention;
  retention.record_s = reader.duration("record", {1, kMaxKeptSeconds}, 0);
  retention.contents_s = reader.duration("contents", {1, kMaxKeptSeconds}, 0);
  retention.workspace_s = reader.duration("workspace", {1, kMaxKeptSeconds}, 0);
  retention.record_line = reader.line_of("record");
  retention.contents_line = reader.line_of("contents");
  retention.workspace_line = reader.line_of("workspace");
  if (retention.record_s != 0 && retention.contents_s > retention.record_s) {
    reader.complain("contents", "is longer than retention.record; contents are part of a record");
  }
  return retention;
}

model::Toolchain read_toolchain(const Value& table, const Reading& reading) {
  const TableReader reader(table, "toolchain", reading);
  reader.refuse_other_keys();
  model::Toolchain toolchain;
  toolchain.root = reader.text("root", check_root, Need::kOptional, toolchain.root);
  toolchain.packages = reader.texts("packages", check_package);
  return toolchain;
}

model::Widen read_widen(const Value& table, const Reading& reading) {
  const TableReader reader(table, "widen", reading);
  reader.refuse_other_keys();
  model::Widen widen;
  widen.where = table.where;
  widen.of = reader.text("of", check_widen_of, Need::kRequired);
  widen.reason = reader.text("reason", check_reason, Need::kRequired);
  widen.approved_by = reader.text("approved_by", check_name, Need::kRequired);
  return widen;
}

model::Profile read_tables(const Value& root, const Reading& reading, Warnings& warnings) {
  const TableReader top(root, "", reading);
  top.refuse_other_keys();
  model::Profile profile;
  profile.name = top.text("profile", check_name, Need::kRequired);
  profile.version = top.integer("version", {1, kMaxVersion}, Need::kRequired);
  profile.summary = top.text("summary", check_summary, Need::kRequired);
  top.texts("extends", check_parent_name);
  if (const Value* table = top.table("purpose", Need::kRequired))
    profile.purpose = read_purpose(*table, reading);
  if (const Value* table = top.table("session", Need::kOptional))
    profile.session = read_session(*table, reading);
  for (const Value* table : top.tables("repository"))
    profile.repositories.push_back(read_repository(*table, reading, warnings));
  for (const Value* table : top.tables("interface"))
    profile.interfaces.push_back(read_interface(*table, reading));
  for (const Value* table : top.tables("network"))
    profile.networks.push_back(read_network(*table, reading));
  for (const Value* table : top.tables("credential"))
    profile.credentials.push_back(read_credential(*table, reading));
  if (const Value* table = top.table("limits", Need::kOptional))
    profile.limits = read_limits(*table, reading);
  for (const Value* table : top.tables("forward"))
    profile.forwards.push_back(read_forward(*table, reading));
  if (const Value* table = top.table("toolchain", Need::kOptional))
    profile.toolchain = read_toolchain(*table, reading);
  if (const Value* table = top.table("retention", Need::kOptional))
    profile.retention = read_retention(*table, reading);
  for (const Value* table : top.tables("widen"))
    profile.widened.push_back(read_widen(*table, reading));
  return profile;
}

}  // namespace carrel::parse
