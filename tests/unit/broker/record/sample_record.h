#pragma once
// A small whole record in a folder, made with the writers that programs use; for tests only.

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "broker/record/evidence/note.h"
#include "broker/record/evidence/policy.h"
#include "broker/record/evidence/seal.h"
#include "broker/record/segments/block.h"
#include "broker/record/segments/segment.h"
#include "broker/record/segments/store.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"
#include "tests/support/folder.h"
#include "tests/unit/broker/record/sample_events.h"

namespace carrel::verify {

/// What to write; the defaults are a whole session with nothing lost.
struct SampleOptions {
  std::vector<events::Event> events;             // numbered 0 …; see session_events()
  std::vector<size_t> seals_after = {5, 12};     // running seals at these sizes
  std::vector<size_t> segments_after = {7, 11};  // a new segment begins at these events
  size_t events_per_block = 3;
  uint64_t lost = 0;
  bool close = true;
};

class SampleRecord {
 public:
  static constexpr char kSession[] = "01k0000000000000000000000s";

  static std::string blob(int which) { return which == 0 ? "before\n" : "after\n"; }

  /// recorder.open, a few things, one changed file, recorder.end.
  static std::vector<events::Event> session_events(uint64_t lost = 0) {
    std::vector<events::Event> all = events::sample_events(24);
    std::vector<events::Event> out;
    const auto take = [&](events::Data data) {
      events::Event event = all[out.size() % all.size()];
      event.seq = out.size();
      event.data = std::move(data);
      out.push_back(std::move(event));
    };
    events::RecorderOpen open;
    open.profile_canonical = R"({"profile":"demo"})";
    open.profile_sha256 = evidence::as_view(evidence::sha256(open.profile_canonical));
    open.profile_name = "demo";
    open.rules = {{"default:network", "no network", "", 0}};
    take(open);
    for (size_t i = 0; i < 13; ++i)
      take(events::FileOpen{"/tmp/f", 0, false, i, 1});
    if (lost > 0) take(events::RecorderLoss{3, {{"file.open", lost}}});
    take(events::FileChanged{
        "web/a.c", "modified", std::string(evidence::as_view(evidence::sha256(blob(0)))),
        std::string(evidence::as_view(evidence::sha256(blob(1)))), 7, 6, 0100644, 0100644, ""});
    take(events::RecorderEnd{"command", 0, 13 + lost, 13, lost, {}});
    return out;
  }

  explicit SampleRecord(SampleOptions options = {}) : broker_(key(0x40)) {
    if (options.events.empty()) options.events = session_events(options.lost);
    write(options);
  }

  [[nodiscard]] const std::string& path() const { return folder_.path(); }
  [[nodiscard]] UniqueFd open_dir() const {
    return UniqueFd(open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  [[nodiscard]] evidence::TrustPolicy policy() const {
    return evidence::broker_policy(broker_.public_key());
  }
  [[nodiscard]] const evidence::SigningKey& broker() const { return broker_; }
  /// Every file of the record by its name in it.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path()))
      if (entry.is_regular_file())
        out.push_back(std::filesystem::relative(entry.path(), path()).string());
    std::sort(out.begin(), out.end());
    return out;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }
  void remove(const std::string& name) const { std::filesystem::remove(folder_ / name); }

  static evidence::SigningKey key(char byte) {
    return evidence::SigningKey::from_seed(Secret(std::string(32, byte))).take();
  }

 private:
  void write(const SampleOptions& options) {
    std::filesystem::create_directory(folder_ / "blobs");
    for (const int which : {0, 1}) {
      const std::string bytes = blob(which);
      put("blobs/" + to_hex(evidence::as_view(evidence::sha256(bytes))), bytes);
    }
    segments::BlockWriter blocks([next = uint8_t{0}](std::span<uint8_t> out) mutable {
      for (uint8_t& byte : out)
        byte = next++;
    });
    segments::SegmentWriter segments(kSession);
    evidence::CompactTree tree;
    evidence::Sha256 sha;
    auto seals = evidence::SealChain::start(evidence::session_origin(kSession),
                                            [next = char{0x10}]() mutable -> Result<Secret> {
                                              return Secret(std::string(32, next++));
                                            });
    evidence::SealChain chain = seals.take();
    const auto seal = [&](evidence::SealState state, uint64_t lost) {
      std::string note = chain.seal({tree.size(), tree.root(sha), lost, state}).take();
      if (state != evidence::SealState::kRunning)
        note = evidence::countersign(note, evidence::kBrokerKeyName, broker_).take();
      notes_ += note;
    };
    seal(evidence::SealState::kOpen, 0);
    const auto contains = [](const std::vector<size_t>& list, size_t value) {
      return std::find(list.begin(), list.end(), value) != list.end();
    };
    std::string file = segments.begin();
    const auto flush = [&] {
      const std::vector<std::string> done = blocks.take().take();
      for (const std::string& block : done)
        file += segments.append(block).value();
    };
    for (const events::Event& event : options.events) {
      tree.append(sha, blocks.add(event).take());
      if ((event.seq + 1) % options.events_per_block == 0) flush();
      if (contains(options.seals_after, tree.size())) seal(evidence::SealState::kRunning, 0);
      if (!contains(options.segments_after, tree.size())) continue;
      flush();
      file += segments.finish();
      put(segments.name(), file);
      file = segments.begin();
    }
    flush();
    if (options.close) file += segments.finish();
    put(segments.name(), file);
    if (options.close) seal(evidence::SealState::kClosed, options.lost);
    put("seals.notes", notes_);
  }

  support::Folder folder_;
  evidence::SigningKey broker_;
  std::string notes_;
};

}  // namespace carrel::verify
