#include "broker/service/store/file_segment_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "broker/service/store/rebuild.h"
#include "broker/service/store/sqlite_catalogue.h"
#include "profiles/base/text.h"
#include "tests/support/folder.h"
#include "tests/unit/broker/service/monitor/session_maker.h"

namespace carrel::store {
namespace {

using evidence::SealState;
using support::SessionMaker;

const std::string kSession = "01hzx00000000000000000000a";

struct Store {
  Store()
      : fd(open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        records(RecordFolder::open(fd.get()).take()) {}
  std::string path(const std::string& name) const {
    return folder / ("sessions/" + kSession + "/" + name);
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  support::Folder folder;
  UniqueFd fd;
  RecordFolder records;
};

evidence::SigningKey broker_key() {
  return evidence::SigningKey::from_seed(Secret(std::string(32, 'b'))).take();
}

std::string countersigned(const protocol::Message& seal) {
  protocol::Seal sent;
  sent.ParseFromString(seal.body);
  return evidence::countersign(sent.note(), evidence::kBrokerKeyName, broker_key()).take();
}

/// Writes a whole session; `closing` or not.
void write_session(Store& store, bool closing) {
  SessionMaker maker(kSession);
  auto record = store.records.create(kSession).take();
  maker.add(maker.first_event());
  ASSERT_TRUE(record->append(maker.block().body).ok());
  ASSERT_TRUE(record->append_seal(countersigned(maker.seal(SealState::kOpen))).ok());
  maker.add(events::FileProbe{"/etc/shadow"}, events::Verdict::kDenied);
  maker.add(events::FileChanged{});
  maker.add(events::RecorderEnd{"command", 3, 0, 0, 4, {}});
  ASSERT_TRUE(record->append(maker.block().body).ok());
  if (closing) {
    ASSERT_TRUE(record->close_with(countersigned(maker.seal(SealState::kClosed))).ok());
  }
}

TEST(FileSegmentStore, WritesWhatTheReaderReads) {
  Store store;
  write_session(store, true);
  const UniqueFd folder = store.records.open_record(kSession).take();
  const auto reader = segments::RecordReader::open(folder.get()).take();
  EXPECT_EQ(reader.files().segments.size(), 1U);
  EXPECT_TRUE(reader.files().unknown.empty());
  EXPECT_EQ(reader.seals().take().size(), 2U);
  const auto summary = reader.for_each([](const events::Event&) { return true; }).take();
  EXPECT_EQ(summary.events, 4U);
  EXPECT_FALSE(summary.unfinished);
  EXPECT_EQ(store.records.sessions().take(), std::vector<std::string>{kSession});
}

TEST(FileSegmentStore, RefusesASecondRecordOfASession) {
  Store store;
  auto record = store.records.create(kSession);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(store.records.create(kSession).error().sys_errno, EEXIST);
  for (const char* bad : {"", ".", "..", "../x", "01HZX00000000000000000000A"})
    EXPECT_EQ(store.records.create(bad).error().sys_errno, EINVAL) << bad;
}

TEST(FileSegmentStore, StoresABlobUnderItsDigest) {
  Store store;
  auto record = store.records.create(kSession).take();
  const std::string content = std::string(3 << 20, 'x') + "end";
  const auto digest = evidence::sha256(content);
  ASSERT_TRUE(record->put_blob(digest, content).ok());
  ASSERT_TRUE(record->put_blob(digest, content).ok());
  ASSERT_TRUE(record->put_blob(evidence::sha256(""), "").ok());
  ASSERT_TRUE(record->sync().ok());
  EXPECT_EQ(store.read("blobs/" + to_hex(evidence::as_view(digest))), content);
  EXPECT_TRUE(std::filesystem::is_empty(store.folder / "tmp"));
}

struct BadPart {
  const char* why;
  int fill;
  uint64_t offset;
  size_t size;
  bool last;
};

TEST(FileSegmentStore, EndsTheRecordAtABadBlob) {
  const std::vector<BadPart> rows{
      {"another digest", 1, 0, 3, true},
      {"not from the start", 0, 3, 3, true},
      {"a second blob between", 2, 3, 3, true},
      {"a gap", 0, 4, 3, true},
      {"an overlap", 0, 2, 3, true},
      {"too large a part", 0, 0, kMaxBlobPart + 1, true},
  };
  for (const BadPart& row : rows) {
    Store store;
    auto record = store.records.create(kSession).take();
    const auto digest = evidence::sha256("abcdef");
    if (row.fill == 2 || row.offset > 3 || row.offset == 2) {
      ASSERT_FALSE(record->put_blob_part(digest, 0, "abc", false).take());
    }
    const auto wanted = row.fill == 2 ? evidence::sha256("z") : digest;
    EXPECT_FALSE(
        record->put_blob_part(wanted, row.offset, std::string(row.size, 'x'), row.last).ok())
        << row.why;
    EXPECT_FALSE(record->put_blob(evidence::sha256("ok"), "ok").ok()) << row.why;
    EXPECT_FALSE(record->sync().ok()) << row.why;
  }
}

TEST(FileSegmentStore, BoundsABlob) {
  Store store;
  auto record = store.records.create(kSession).take();
  const auto digest = evidence::sha256("never");
  const std::string part(kMaxBlobPart, 'x');
  uint64_t offset = 0;
  for (; offset < segments::kMaxBlobSize; offset += part.size())
    ASSERT_TRUE(record->put_blob_part(digest, offset, part, false).ok());
  EXPECT_EQ(record->put_blob_part(digest, offset, "x", false).error().sys_errno, EFBIG);
}

TEST(FileSegmentStore, RefusesABlockOutOfOrderAndEndsTheRecord) {
  Store store;
  SessionMaker maker(kSession);
  auto record = store.records.create(kSession).take();
  maker.add(maker.first_event());
  const auto first = maker.block();
  maker.add(events::FileProbe{"/x"});
  const auto second = maker.block();
  EXPECT_FALSE(record->append(second.body).ok());
  EXPECT_FALSE(record->append(first.body).ok());
}

TEST(FileSegmentStore, BoundsTheSeals) {
  Store store;
  auto record = store.records.create(kSession).take();
  std::filesystem::resize_file(store.path("seals.notes"), segments::kMaxSealsSize - 3);
  EXPECT_TRUE(record->append_seal("abc").ok());
  EXPECT_EQ(record->append_seal("d").error().sys_errno, EFBIG);
}

TEST(FileSegmentStore, TakesNothingAfterItsEnd) {
  Store store;
  SessionMaker maker(kSession);
  auto record = store.records.create(kSession).take();
  maker.add(maker.first_event());
  ASSERT_TRUE(record->finish().ok());
  EXPECT_FALSE(record->append(maker.block().body).ok());
  EXPECT_FALSE(record->append_seal("x").ok());
  EXPECT_FALSE(record->put_blob(evidence::sha256("a"), "a").ok());
}

TEST(FileSegmentStore, ForgetsBlobsThatACrashLeftHalf) {
  Store store;
  {
    auto record = store.records.create(kSession).take();
    ASSERT_TRUE(record->put_blob_part(evidence::sha256("x"), 0, "half", false).ok());
  }
  EXPECT_FALSE(std::filesystem::is_empty(store.folder / "tmp"));
  ASSERT_TRUE(RecordFolder::open(store.fd.get()).ok());
  EXPECT_TRUE(std::filesystem::is_empty(store.folder / "tmp"));
}

TEST(Rebuild, FillsAnEmptyCatalogueFromTheRecords) {
  Store store;
  write_session(store, true);
  auto catalogue = open_sqlite_catalogue(store.folder / "c").take().catalogue;
  EXPECT_EQ(rebuild(*catalogue, store.records, broker_key().public_key()).take(), 1U);
  const SessionRow row = catalogue->session(kSession).take().value();
  EXPECT_EQ(row.state, SessionState::kClosed);
  EXPECT_EQ(row.person, "local:1000");
  EXPECT_EQ(row.profile_sha256, to_hex(std::string(32, 'p')));
  EXPECT_EQ(row.command, std::vector<std::string>{"/bin/true"});
  EXPECT_EQ(row.events, 4U);
  EXPECT_EQ(row.denied, 1U);
  EXPECT_EQ(row.changed, 1U);
  EXPECT_EQ(row.lost, 4U);
  EXPECT_EQ(row.end_by, "command");
  EXPECT_EQ(row.end_code, 3);
  EXPECT_LT(row.started_ns, row.ended_ns);
  EXPECT_EQ(rebuild(*catalogue, store.records, broker_key().public_key()).take(), 0U);
}

TEST(Rebuild, CallsARecordBrokenThatHasNoClosingSeal) {
  Store store;
  write_session(store, false);
  auto catalogue = open_sqlite_catalogue(store.folder / "c").take().catalogue;
  SessionRow row;
  row.session = kSession;
  row.person = "local:77";
  ASSERT_TRUE(catalogue->put_session(row).ok());
  EXPECT_EQ(rebuild(*catalogue, store.records, broker_key().public_key()).take(), 1U);
  EXPECT_EQ(catalogue->session(kSession).take()->state, SessionState::kBroken);
  EXPECT_EQ(catalogue->session(kSession).take()->person, "local:77");
}

TEST(Rebuild, CallsARecordBrokenThatAnotherBrokerClosed) {
  Store store;
  write_session(store, true);
  auto catalogue = open_sqlite_catalogue(store.folder / "c").take().catalogue;
  const auto other = evidence::SigningKey::from_seed(Secret(std::string(32, 'x'))).take();
  ASSERT_TRUE(rebuild(*catalogue, store.records, other.public_key()).ok());
  EXPECT_EQ(catalogue->session(kSession).take()->state, SessionState::kBroken);
}

TEST(Rebuild, KeepsARecordThatCannotBeReadAsBroken) {
  Store store;
  write_session(store, true);
  std::ofstream(store.path("000001.seg"), std::ios::trunc) << "nonsense";
  auto catalogue = open_sqlite_catalogue(store.folder / "c").take().catalogue;
  ASSERT_TRUE(rebuild(*catalogue, store.records, broker_key().public_key()).ok());
  const SessionRow row = catalogue->session(kSession).take().value();
  EXPECT_EQ(row.state, SessionState::kBroken);
  EXPECT_EQ(row.end_code, 137);
}

}  // namespace
}  // namespace carrel::store
