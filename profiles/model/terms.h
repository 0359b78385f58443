#pragma once
// The small values that a profile is made of: places in a source, closed choices, texts with their
// place.

#include <cstdint>
#include <string>

namespace carrel::model {

/// Where a rule is written (1-based; 0 = a default, not written by anybody).
struct SourceLine {
  int line = 0;
  int column = 0;  // in characters
  int file = 0;    // 0: the profile itself; n: the n-th file that it extends (parse::Sources)
  bool operator==(const SourceLine&) const = default;
};

enum class Use { kEvaluation, kTesting, kIntegration, kDevelopment };
enum class AssuranceLevel { kFull, kBest };
enum class StartAfter { kRecorded, kSealed, kAnchored, kWitnessed };
enum class Keystrokes { kOff, kLengths, kFull };
enum class OnRecordFailure { kEnd, kFreeze };
enum class History { kNone, kSquashed, kFiltered };
enum class Enforce { kBind, kGate };
enum class InterfaceKind { kSchema, kVectors, kFixtures, kMock, kAcceptance };
enum class NetworkMode { kInspect, kPassthrough, kSsh, kTcp };
enum class CredentialKind { kJwt, kHeader, kSshCertificate, kX509, kFile };
enum class TokenAlg { kEdDsa, kEs256, kRs256 };
enum class CredentialIssue { kStart, kRequest };

/// One text of a list with the line it stands on.
struct TextEntry {
  std::string text;
  SourceLine where;
  bool operator==(const TextEntry&) const = default;
};

/// What is accepted at the first opening.
struct Agreement {
  std::string file;  // relative to the profile's folder
  uint64_t version = 0;
  uint64_t survives_s = 0;  // how long its duties outlive the task; 0: not said
  SourceLine where;
  bool operator==(const Agreement&) const = default;
};

/// When sessions may be open. A window whose end is before its start goes over midnight and belongs
/// to the day on which it starts.
struct Hours {
  uint8_t days = 0;       // bit 0 is Monday
  uint16_t from_min = 0;  // minutes after midnight, 0 … 1439
  uint16_t to_min = 0;    // 1 … 1440, not from_min
  std::string zone;       // a name of the time zone database
  SourceLine where;
  bool operator==(const Hours&) const = default;
};

/// Who answers for a [[network]] that the linter would refuse, and why.
struct Waiver {
  std::string by;  // a person
  std::string reason;
  SourceLine where;
  bool operator==(const Waiver&) const = default;
};

/// A [[widen]]: what this profile may do beyond a parent of it, and who said so.
struct Widen {
  std::string of;  // "PARENT:RULE"
  std::string reason;
  std::string approved_by;
  SourceLine where;
  bool operator==(const Widen&) const = default;
};

}  // namespace carrel::model
