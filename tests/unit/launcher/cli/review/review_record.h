#pragma once
// A record of a session in which things happened, some of it hostile, and what a verb answers to
// it; for tests only.

#include <cstdio>
#include <string>
#include <vector>

#include "launcher/cli/review/verbs.h"
#include "tests/unit/broker/record/sample_record.h"

namespace carrel::review {

inline std::string text_of(std::FILE* file) {
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

struct Answer {
  int code = 0;
  std::string out;
  std::string err;
};

/// What `verb(output)` returns and writes.
template <typename Verb>
Answer answer_of(const Verb& verb) {
  const Output output{std::tmpfile(), std::tmpfile()};
  Answer answer;
  answer.code = verb(output);
  answer.out = text_of(output.out);
  answer.err = text_of(output.err);
  return answer;
}

/// Builds the events of a session one after the other, a millisecond apart.
class Script {
 public:
  explicit Script(std::vector<std::string> command = {"make", "-j2"}) {
    events::RecorderOpen open;
    open.profile_sha256 = std::string(32, '\x07');
    open.profile_canonical = R"({"profile":"demo"})";
    open.profile_name = "demo";
    open.profile_version = 3;
    open.task = "local/demo";
    open.workspace = "01k0000000000000000000000w";
    open.host = "host.test";
    open.person = "local:1000";
    open.mode = "root";
    open.sensor = "syscall";
    open.asked = "best";
    open.command = std::move(command);
    open.assurance = {{"limits", true, ""}, {"disk-encrypted", false, "not built yet"}};
    open.rules = {{"default:host-files", "host files are out of bounds", "", 0},
                  {"repository:app:never:keys", "never keys", "demo.toml", 12}};
    add(open);
  }

  Script& add(events::Data data, events::Verdict verdict = events::Verdict::kObserved,
              const std::string& rule = "", int error = 0) {
    events::Event event;
    event.seq = events_.size();
    event.mono_ns = 7'000'000'000 + waited_ + event.seq * 1'000'000;
    event.real_ns = 1'764'000'000'000'000'000 + waited_ + event.seq * 1'000'000;
    event.verdict = verdict;
    event.rule = rule;
    event.error = error;
    if (event.seq > 0) event.process = events::Process{1, 4242, 0, "/usr/bin/cat"};
    event.data = std::move(data);
    events_.push_back(std::move(event));
    return *this;
  }
  /// On an attached terminal.
  Script& on(const std::string& channel, events::Data data) {
    add(std::move(data));
    events_.back().channel = channel;
    return *this;
  }
  /// What is added next happens so much later.
  Script& wait(uint64_t ns) {
    waited_ += ns;
    return *this;
  }
  Script& deny(events::Data data, const std::string& rule, int error) {
    return add(std::move(data), events::Verdict::kDenied, rule, error);
  }
  Script& end() { return add(events::RecorderEnd{"command", 0, 5, 5, 0, {}}); }

  [[nodiscard]] const std::vector<events::Event>& events() const { return events_; }

 private:
  std::vector<events::Event> events_;
  uint64_t waited_ = 0;
};

/// The script's record, and the broker's row for it.
class ReviewRecord {
 public:
  enum class Ending { kClosed, kBroken };
  explicit ReviewRecord(const Script& script, Ending ending = Ending::kClosed)
      : ReviewRecord(script.events(), ending) {}
  explicit ReviewRecord(std::vector<events::Event> events, Ending ending = Ending::kClosed)
      : record_({std::move(events), {1}, {}, 3, 0, ending == Ending::kClosed}),
        dir_(record_.open_dir()) {
    subject_.record_dir_fd = dir_.get();
    subject_.row.set_session(verify::SampleRecord::kSession);
    subject_.row.set_state(ending == Ending::kClosed ? "closed" : "broken");
    subject_.row.set_started_ns(1'764'000'000'000'000'000);
    subject_.row.set_ended_ns(1'764'000'001'500'000'000);
  }
  [[nodiscard]] const Subject& subject() const { return subject_; }
  [[nodiscard]] Subject& subject() { return subject_; }
  [[nodiscard]] const verify::SampleRecord& record() const { return record_; }
  /// Stores a content as the broker would; answers its digest.
  std::string put_blob(const std::string& bytes) const {
    const std::string digest(evidence::as_view(evidence::sha256(bytes)));
    record_.put("blobs/" + to_hex(digest), bytes);
    return digest;
  }

 private:
  verify::SampleRecord record_;
  UniqueFd dir_;
  Subject subject_;
};

}  // namespace carrel::review
