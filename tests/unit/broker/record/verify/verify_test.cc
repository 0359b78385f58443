#include "broker/record/verify/verify.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/broker/record/sample_record.h"
#include <nlohmann/json.hpp>

namespace carrel::verify {
namespace {

VerifyReport check(const SampleRecord& record) {
  return verify_record(record.open_dir().get(), record.policy(), SampleRecord::kSession);
}

ClaimState state_of(const VerifyReport& report, Claim claim) {
  return report.claims[static_cast<size_t>(claim)].state;
}

TEST(Verify, AWholeRecord) {
  const SampleRecord record;
  const VerifyReport report = check(record);
  EXPECT_EQ(report.exit, 0) << render_text(report, PolicySource::kState);
  EXPECT_FALSE(report.first_bad);
  EXPECT_EQ(report.events, 16U);
  EXPECT_EQ(report.lost, 0U);
  ASSERT_EQ(report.claims.size(), 9U);
  for (const ClaimResult& claim : report.claims) {
    const bool open = claim.claim == Claim::kWitnessed || claim.claim == Claim::kTime;
    EXPECT_EQ(claim.state, open ? ClaimState::kNotProven : ClaimState::kProven)
        << claim_name(claim.claim);
  }
}

TEST(Verify, RendersTextAndJson) {
  const SampleRecord record;
  const VerifyReport report = check(record);
  const std::string text = render_text(report, PolicySource::kState);
  EXPECT_NE(text.find("policy: this store's own; proves nothing against its operator\n"),
            std::string::npos);
  const auto line = nlohmann::json::parse(render_json(report, PolicySource::kState));
  EXPECT_EQ(line["v"], 1);
  EXPECT_EQ(line["exit"], 0);
  EXPECT_EQ(line["policy"], "state");
  EXPECT_EQ(line["claims"].size(), 9U);
  EXPECT_EQ(line["claims"][3]["claim"], "COMPLETE");
  EXPECT_EQ(line["claims"][3]["state"], "proven");
  EXPECT_EQ(line["claims"][5]["state"], "not proven");
  EXPECT_TRUE(line["first_bad"].is_null());
  record.put("000002.seg", record.read("000002.seg") + "x");
  const auto bad = nlohmann::json::parse(render_json(check(record), PolicySource::kFile));
  EXPECT_EQ(bad["first_bad"]["file"], "000002.seg");
  EXPECT_EQ(bad["exit"], 4);
}

TEST(Verify, SaysWhomTheRecordProvesNothingAgainst) {
  EXPECT_EQ(check(SampleRecord()).weakness, "");
  struct Case {
    const char* mode;
    bool separate;
    const char* says;
  };
  for (const Case& one :
       {Case{"rootless", false, "were one uid: the record proves nothing against"},
        Case{"rootless", true, "opened without root: the record proves nothing"},
        Case{"root", false, "were one uid"}}) {
    SampleOptions options;
    options.events = SampleRecord::session_events();
    auto& open = std::get<events::RecorderOpen>(options.events[0].data);
    open.mode = one.mode;
    open.assurance = {{"recorder-separate", one.separate, "why"}};
    const SampleRecord record(options);
    const VerifyReport report = check(record);
    EXPECT_EQ(report.exit, 0);
    EXPECT_NE(render_text(report, PolicySource::kState).find(one.says), std::string::npos);
    const auto line = nlohmann::json::parse(render_json(report, PolicySource::kState));
    EXPECT_NE(line["weakness"].get<std::string>().find(one.says), std::string::npos);
  }
}

TEST(Verify, WithoutPolicyNothingVouches) {
  const SampleRecord record;
  const auto report = verify_record(record.open_dir().get(), std::nullopt, SampleRecord::kSession);
  EXPECT_EQ(report.exit, 2);
  EXPECT_EQ(state_of(report, Claim::kSealed), ClaimState::kNotProven);
  EXPECT_NE(render_text(report, PolicySource::kNone).find("no policy\n"), std::string::npos);
}

TEST(Verify, AnotherBrokersPolicyFails) {
  const SampleRecord record;
  const auto other = evidence::broker_policy(SampleRecord::key(0x41).public_key());
  const auto report = verify_record(record.open_dir().get(), other, SampleRecord::kSession);
  EXPECT_EQ(report.exit, 4);
  EXPECT_EQ(state_of(report, Claim::kSealed), ClaimState::kFailed);
}

TEST(Verify, DeclaredLossIsThree) {
  SampleOptions options;
  options.lost = 9;
  const SampleRecord record(options);
  const VerifyReport report = check(record);
  EXPECT_EQ(report.exit, 3) << render_text(report, PolicySource::kState);
  EXPECT_EQ(report.lost, 9U);
}

TEST(Verify, CountersThatDoNotAddUpFail) {
  for (const int which : {0, 1, 2}) {
    SampleOptions options;
    options.events = SampleRecord::session_events(which == 1 ? 5 : 0);
    auto& end = std::get<events::RecorderEnd>(options.events.back().data);
    options.lost = which == 2 ? 4 : 0;  // 1 and 2: the closing seal says otherwise
    if (which == 0) end.produced += 1;
    const SampleRecord record(options);
    const VerifyReport report = check(record);
    EXPECT_EQ(report.exit, 4) << which;
    EXPECT_EQ(state_of(report, Claim::kLoss), ClaimState::kFailed);
  }
}

TEST(Verify, AProfileThatIsNotTheDigestsFails) {
  SampleOptions options;
  options.events = SampleRecord::session_events();
  std::get<events::RecorderOpen>(options.events[0].data).profile_canonical += " ";
  const VerifyReport report = check(SampleRecord(options));
  EXPECT_EQ(report.exit, 4);
  EXPECT_EQ(state_of(report, Claim::kProfile), ClaimState::kFailed);
  ASSERT_TRUE(report.first_bad);
  EXPECT_EQ(report.first_bad->file, "000001.seg");
  EXPECT_EQ(report.first_bad->seq, 0U);
}

TEST(Verify, ASessionMustBeginAndEndAsOne) {
  SampleOptions no_end;
  no_end.events = SampleRecord::session_events();
  no_end.events.pop_back();
  EXPECT_EQ(check(SampleRecord(no_end)).exit, 4);
  SampleOptions no_open;
  no_open.events = SampleRecord::session_events();
  no_open.events[0].data = events::FileEnter{"/"};
  EXPECT_EQ(check(SampleRecord(no_open)).exit, 4);
  SampleOptions twice;
  twice.events = SampleRecord::session_events();
  twice.events[3].data = twice.events[0].data;
  EXPECT_EQ(check(SampleRecord(twice)).exit, 4);
}

TEST(Verify, ALiveOrBrokenSessionIsFive) {
  SampleOptions options;
  options.close = false;
  const SampleRecord record(options);
  const VerifyReport report = check(record);
  EXPECT_EQ(report.exit, 5);
  EXPECT_EQ(state_of(report, Claim::kComplete), ClaimState::kNotProven);
  EXPECT_EQ(state_of(report, Claim::kLoss), ClaimState::kNotProven);
}

TEST(Verify, StrangeFilesFail) {
  const SampleRecord record;
  for (const std::string name : {"note.txt", "0000001.seg", "blobs/x", "seals.notes~"}) {
    record.put(name, "x");
    const VerifyReport report = check(record);
    EXPECT_EQ(report.exit, 4);
    ASSERT_TRUE(report.first_bad);
    EXPECT_EQ(report.first_bad->file, name);
    record.remove(name);
  }
  const std::string unnamed = "blobs/" + to_hex(evidence::as_view(evidence::sha256("z")));
  record.put(unnamed, "z");
  const VerifyReport report = check(record);
  EXPECT_EQ(report.exit, 4);
  ASSERT_TRUE(report.first_bad);
  EXPECT_EQ(report.first_bad->file, unnamed);
}

TEST(Verify, FilesOfAnotherRecordDoNotFit) {
  const SampleRecord record;
  SampleOptions options;
  options.events = SampleRecord::session_events();
  std::get<events::FileOpen>(options.events[8].data).path = "/tmp/g";
  const SampleRecord other(options);
  for (const std::string name : {"000002.seg", "seals.notes"}) {
    const std::string kept = record.read(name);
    record.put(name, other.read(name));
    EXPECT_EQ(check(record).exit, 4) << name;
    record.put(name, kept);
  }
  // All segments exchanged, with chain and trailers right: only the roots tell.
  for (const std::string name : {"000001.seg", "000002.seg", "000003.seg"})
    record.put(name, other.read(name));
  const VerifyReport report = check(record);
  EXPECT_EQ(report.exit, 4);
  EXPECT_EQ(state_of(report, Claim::kInclusion), ClaimState::kFailed);
}

/// The notes of a record, one string each.
std::vector<std::string> notes_of(const SampleRecord& record) {
  const std::string file = record.read("seals.notes");
  std::vector<std::string> out;
  for (const auto& entry : evidence::split_notes(file).notes)
    out.emplace_back(entry.bytes);
  return out;
}

TEST(Verify, SealsDroppedDoubledOrExchangedFail) {
  const SampleRecord record;
  const auto notes = notes_of(record);
  ASSERT_EQ(notes.size(), 4U);
  const std::vector<std::vector<size_t>> bad = {{0, 2, 3}, {0, 1, 1, 2, 3}, {0, 2, 1, 3},
                                                {1, 2, 3}, {0, 1, 2, 3, 3}, {0, 1, 2, 3, 1}};
  for (const auto& order : bad) {
    std::string file;
    for (const size_t i : order)
      file += notes[i];
    record.put("seals.notes", file);
    const VerifyReport report = check(record);
    EXPECT_EQ(report.exit, 4);
    ASSERT_TRUE(report.first_bad);
    EXPECT_EQ(report.first_bad->file, "seals.notes");
  }
  record.put("seals.notes", notes[0] + notes[1] + notes[2]);
  EXPECT_EQ(check(record).exit, 5);
}

TEST(Verify, ASealSignedWithAnotherSealsKeyFails) {
  const SampleRecord record;
  const auto notes = notes_of(record);
  const auto parsed = evidence::parse_note(notes[2]).take();
  // Key 1 has signed seal 1; who keeps it must not be able to replace seal 2.
  const std::string forged =
      evidence::sign_note(parsed.text, evidence::session_origin(SampleRecord::kSession),
                          SampleRecord::key(0x11))
          .take();
  record.put("seals.notes", notes[0] + notes[1] + forged + notes[3]);
  const VerifyReport report = check(record);
  EXPECT_EQ(report.exit, 4);
  ASSERT_TRUE(report.first_bad);
  EXPECT_EQ(report.first_bad->offset, notes[0].size() + notes[1].size());
}

TEST(Verify, ARecordMadeAnewWithoutTheBrokerFails) {
  const SampleRecord record;
  auto notes = notes_of(record);
  auto first = evidence::parse_note(notes[0]).take();
  first.signatures.pop_back();
  record.put("seals.notes", evidence::format_note(first) + notes[1] + notes[2] + notes[3]);
  EXPECT_EQ(check(record).exit, 4);
}

TEST(Verify, DeletingAnyFileIsNoticed) {
  const SampleRecord record;
  for (const std::string& name : record.files()) {
    const std::string kept = record.read(name);
    record.remove(name);
    const VerifyReport report = check(record);
    EXPECT_TRUE(report.exit == 4 || report.exit == 5) << name;
    ASSERT_TRUE(report.first_bad) << name;
    EXPECT_EQ(report.first_bad->file, name);
    record.put(name, kept);
  }
  EXPECT_EQ(check(record).exit, 0);
}

/// As small as a record with everything in it can be: each of its bytes costs the loops two whole
/// verifications.
SampleOptions small_session() {
  SampleOptions options;
  options.seals_after = {9};
  return options;
}

/// Overwrites one byte of an open file.
void poke(const UniqueFd& file, size_t at, char byte) {
  ASSERT_EQ(pwrite(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
}

TEST(Verify, EveryFlippedByteOfEveryFileIsNoticedAndNamed) {
  const SampleRecord record(small_session());
  const UniqueFd dir = record.open_dir();
  const auto policy = record.policy();
  size_t flips = 0;
  for (const std::string& name : record.files()) {
    const std::string good = record.read(name);
    const UniqueFd file(openat(dir.get(), name.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(file.valid());
    for (size_t at = 0; at < good.size(); ++at) {
      for (const int mask : {0x01, 0x80}) {
        poke(file, at, static_cast<char>(good[at] ^ mask));
        const auto report = verify_record(dir.get(), policy, SampleRecord::kSession);
        ASSERT_TRUE(report.exit == 4 || report.exit == 5) << name << " byte " << at;
        ASSERT_TRUE(report.first_bad) << name << " byte " << at;
        ASSERT_EQ(report.first_bad->file, name) << "byte " << at << " " << report.exit;
        ++flips;
      }
      poke(file, at, good[at]);
    }
  }
  EXPECT_GT(flips, 3000U);
  EXPECT_EQ(check(record).exit, 0);
}

TEST(Verify, EveryTruncationIsNoticed) {
  const SampleRecord record(small_session());
  const UniqueFd dir = record.open_dir();
  for (const std::string& name : record.files()) {
    const std::string good = record.read(name);
    // The end of the record may be missing; anything else missing is damage.
    const bool at_the_end = name == "000003.seg" || name == "seals.notes";
    for (size_t length = 0; length < good.size(); ++length) {
      record.put(name, good.substr(0, length));
      const auto report = verify_record(dir.get(), record.policy(), SampleRecord::kSession);
      ASSERT_EQ(report.exit, at_the_end ? 5 : 4) << name << " at " << length;
      ASSERT_TRUE(report.first_bad);
      ASSERT_EQ(report.first_bad->file, name) << length;
    }
    record.put(name, good);
  }
}

TEST(Verify, ARecordCutShortIsExactlyFive) {
  const SampleRecord record;
  const std::string seals = record.read("seals.notes");
  const std::string last = record.read("000003.seg");
  const auto notes = notes_of(record);
  // As a crash leaves it: the closing seal never made, the tail of the last segment not written.
  for (size_t cut = 0; cut <= last.size(); ++cut) {
    record.put("seals.notes", notes[0] + notes[1]);
    record.put("000003.seg", last.substr(0, last.size() - cut));
    ASSERT_EQ(check(record).exit, 5) << cut;
  }
  record.remove("000003.seg");
  EXPECT_EQ(check(record).exit, 5);
  record.remove("seals.notes");
  EXPECT_EQ(check(record).exit, 5);
}

TEST(Verify, WhatIsNoRecordFails) {
  const support::Folder empty;
  const UniqueFd dir(open(empty.path().c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_EQ(verify_record(dir.get(), std::nullopt, SampleRecord::kSession).exit, 5);
  EXPECT_EQ(verify_record(-1, std::nullopt, SampleRecord::kSession).exit, 4);
  EXPECT_EQ(verify_record(dir.get(), std::nullopt, "../x").exit, 4);
}

}  // namespace
}  // namespace carrel::verify
