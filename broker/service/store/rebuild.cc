#include "broker/service/store/rebuild.h"

#include <map>
#include <variant>

#include "broker/record/events/event.h"
#include "broker/record/evidence/note.h"
#include "broker/record/evidence/seal.h"
#include "broker/record/segments/store.h"
#include "profiles/base/text.h"

namespace carrel::store {
namespace {

void take_open(const events::RecorderOpen& open, SessionRow& row) {
  row.workspace = open.workspace;
  row.task = open.task;
  row.profile = open.profile_name;
  row.profile_version = open.profile_version;
  row.profile_sha256 = to_hex(open.profile_sha256);
  row.person = open.person;
  row.host = open.host;
  row.mode = open.mode;
  row.command = open.command;
}

void take_event(const events::Event& event, SessionRow& row) {
  if (event.seq == 0) row.started_ns = event.real_ns;
  row.ended_ns = event.real_ns;
  ++row.events;
  if (event.verdict == events::Verdict::kDenied) ++row.denied;
  if (std::holds_alternative<events::FileChanged>(event.data)) ++row.changed;
  // Who it belongs to is what the broker granted, wherever that is still known.
  const auto* open = std::get_if<events::RecorderOpen>(&event.data);
  if (open != nullptr && event.seq == 0 && row.person.empty()) take_open(*open, row);
  if (const auto* end = std::get_if<events::RecorderEnd>(&event.data)) {
    row.end_by = end->by;
    row.end_code = end->code;
    row.lost = end->lost;
  }
}

bool closed_properly(const segments::RecordReader& reader, const evidence::PublicKey& broker) {
  const auto seals = reader.seals();
  if (!seals.ok() || seals.value().empty()) return false;
  const auto& last = seals.value().back();
  const auto key = evidence::make_vkey(evidence::kBrokerKeyName, broker);
  return last.seal.state == evidence::SealState::kClosed &&
         evidence::check_signature(last.note, key) == evidence::SignatureState::kGood;
}

}  // namespace

void row_from_record(const RecordFolder& records, const evidence::PublicKey& broker,
                     SessionRow& row) {
  row.state = SessionState::kBroken;
  row.events = row.denied = row.changed = row.lost = 0;
  const auto folder = records.open_record(row.session);
  if (!folder.ok()) return;
  auto reader = segments::RecordReader::open(folder.value().get());
  if (!reader.ok()) return;
  const auto summary = reader.value().for_each([&row](const events::Event& event) {
    take_event(event, row);
    return true;
  });
  if (!summary.ok() || summary.value().unfinished) return;
  if (closed_properly(reader.value(), broker)) row.state = SessionState::kClosed;
}

Result<size_t> rebuild(Catalogue& catalogue, const RecordFolder& records,
                       const evidence::PublicKey& broker) {
  size_t written = 0;
  ASSIGN_OR_RETURN(const std::vector<SessionRow> known, catalogue.sessions());
  std::map<std::string, SessionRow> rows;
  for (const SessionRow& row : known)
    rows[row.session] = row;
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, records.sessions());
  for (const std::string& id : ids) {
    if (!rows.contains(id)) {
      rows[id].session = id;
      rows[id].state = SessionState::kRunning;
    }
  }
  for (auto& [id, row] : rows) {
    if (row.state != SessionState::kRunning) continue;
    row_from_record(records, broker, row);
    if (row.ended_ns == 0) row.ended_ns = row.started_ns;
    if (row.state == SessionState::kBroken && row.end_by.empty()) {
      row.end_by = "kill";
      row.end_code = 137;
    }
    RETURN_IF_ERROR(catalogue.put_session(row));
    ++written;
  }
  return written;
}

}  // namespace carrel::store
