#include "profiles/schema/schema.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "profiles/model/words.h"
#include "profiles/parse/keys.h"
#include "profiles/parse/not_yet.h"

namespace carrel::schema {
namespace {

using parse::KeySpec;
using parse::Shape;

constexpr std::string_view kName = "^[a-z0-9][a-z0-9-]{0,62}$";

struct Words {
  std::string_view key;
  std::span<const std::string_view> words;
};
constexpr std::array kWords = {
    Words{"purpose.use", model::kUseWords},
    Words{"session.assurance", model::kAssuranceWords},
    Words{"session.start_after", model::kStartAfterWords},
    Words{"session.keystrokes", model::kKeystrokesWords},
    Words{"session.on_record_failure", model::kOnRecordFailureWords},
    Words{"repository.history", model::kHistoryWords},
    Words{"repository.enforce", model::kEnforceWords},
    Words{"interface.kind", model::kInterfaceWords},
    Words{"network.mode", model::kNetworkModeWords},
    Words{"network.http.preset", model::kPresetWords},
    Words{"credential.kind", model::kCredentialKindWords},
    Words{"credential.alg", model::kTokenAlgWords},
    Words{"credential.issue", model::kCredentialIssueWords},
};

struct Pattern {
  std::string_view key;
  std::string_view pattern;
};
constexpr std::array kPatterns = {
    Pattern{"profile", kName},
    Pattern{"widen.of", "^[^:]+:."},
    Pattern{"widen.approved_by", kName},
    Pattern{"purpose.recipients", kName},
    Pattern{"purpose.jurisdictions", "^[A-Z]{2}$"},
    Pattern{"repository.name", kName},
    Pattern{"repository.submit.refs", "^refs/heads/."},
    Pattern{"repository.submit.reviewers", kName},
    Pattern{"interface.name", kName},
    Pattern{"network.host", "^[a-z0-9-]+(\\\\.[a-z0-9-]+)*$"},
    Pattern{"network.http.methods", "^[A-Z]{1,20}$"},
    Pattern{"network.http.path", "^/"},
    Pattern{"network.http.repository", "^/[^*]"},
    Pattern{"network.http.refs", "^refs/."},
    Pattern{"network.http.headers", "^[a-z0-9-]{1,64}$"},
    Pattern{"network.addresses", "^[0-9a-f.:]+/[0-9]{1,3}$"},
    Pattern{"network.waiver.by", kName},
    Pattern{"network.credential", kName},
    Pattern{"credential.name", kName},
    Pattern{"credential.from", "^(secret|ca):[a-z0-9]"},
    Pattern{"credential.inject", "^[a-z0-9-]{1,64}$"},
    Pattern{"extends", "^(\\\\./.+\\\\.toml|[a-z0-9-]+(/[a-z0-9-]+)*)$"},
};

/// Keys without which their table means nothing, also where a parent gives the rest.
constexpr std::array<std::string_view, 17> kRequired = {"widen.of",
                                                        "widen.reason",
                                                        "widen.approved_by",
                                                        "purpose.agreement.file",
                                                        "repository.name",
                                                        "interface.name",
                                                        "network.host",
                                                        "purpose.agreement.version",
                                                        "credential.name",
                                                        "forward.port",
                                                        "session.hours.to",
                                                        "session.hours.days",
                                                        "session.hours.from",
                                                        "session.hours.zone",
                                                        "repository.submit.refs",
                                                        "network.waiver.by",
                                                        "network.waiver.reason"};

/// JSON with one member a line.
class Writer {
 public:
  void open(std::string_view key) { begin(key), text_ += '{', ++depth_, first_ = true; }
  void close() {
    --depth_;
    if (!first_) line();
    text_ += '}';
    first_ = false;
  }
  /// `json` as it is.
  void raw(std::string_view key, std::string_view json) { begin(key), text_ += json; }
  void text(std::string_view key, std::string_view value) {
    raw(key, '"' + std::string(value) + '"');
  }
  std::string take() { return std::move(text_) + "\n"; }

 private:
  void begin(std::string_view key) {
    if (depth_ > 0) {
      if (!first_) text_ += ',';
      line();
      text_ += '"' + std::string(key) + "\": ";
    }
    first_ = false;
  }
  void line() {
    text_ += '\n';
    text_.append(depth_ * 2, ' ');
  }

  std::string text_;
  size_t depth_ = 0;
  bool first_ = true;
};

std::string quoted_list(const std::vector<std::string_view>& words) {
  std::string out = "[";
  for (const std::string_view word : words)
    out += (out.size() > 1 ? ", \"" : "\"") + std::string(word) + "\"";
  return out + "]";
}

class SchemaWriter {
 public:
  explicit SchemaWriter(std::span<const parse::NotYet> refused) : refused_(refused) {}

  std::string run() {
    out_.open("");
    out_.text("$schema", "https://json-schema.org/draft/2020-12/schema");
    out_.text("title", "Carrel profile");
    members("");
    // Parents give what a profile leaves out, and a part is none by itself.
    out_.raw("if", "{\"required\": [\"profile\"], \"not\": {\"required\": [\"extends\"]}}");
    out_.raw("then", "{\"required\": [\"version\", \"summary\", \"purpose\"]}");
    out_.close();
    return out_.take();
  }

 private:
  static std::string_view table_of(std::string_view name) {
    const size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? "" : name.substr(0, dot);
  }

  [[nodiscard]] bool is_not_yet(std::string_view key, std::string_view value) const {
    return std::any_of(refused_.begin(), refused_.end(), [&](const parse::NotYet& row) {
      return row.key == key && row.value == value;
    });
  }

  void members(std::string_view table) {
    out_.text("type", "object");
    out_.raw("additionalProperties", "false");
    std::vector<std::string_view> required;
    for (const std::string_view name : kRequired) {
      if (!table.empty() && table_of(name) == table) required.push_back(last(name));
    }
    if (!required.empty()) out_.raw("required", quoted_list(required));
    out_.open("properties");
    for (const KeySpec& spec : parse::known_keys()) {
      if (table_of(spec.name) == table) member(spec);
    }
    out_.close();
  }

  static std::string_view last(std::string_view name) {
    const size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? name : name.substr(dot + 1);
  }

  void member(const KeySpec& spec) {
    out_.open(last(spec.name));
    if (is_not_yet(spec.name, "")) {
      out_.text("description", "not supported yet: " + std::string(spec.about));
      out_.raw("not", "{}");
      out_.close();
      return;
    }
    out_.text("description", spec.about);
    shape(spec);
    out_.close();
  }

  void shape(const KeySpec& spec) {
    switch (spec.shape) {
      case Shape::kTable:
        members(spec.name);
        return;
      case Shape::kTables:
        list("64");
        out_.open("items");
        members(spec.name);
        out_.close();
        return;
      case Shape::kText:
        text(spec.name);
        return;
      case Shape::kChoice:
        choice(spec.name);
        return;
      case Shape::kInteger:
        integer();
        return;
      case Shape::kBoolean:
        out_.text("type", "boolean");
        return;
      case Shape::kDuration:
        pattern("^[0-9]{1,9}[smhdy]$");
        return;
      case Shape::kSize:
        pattern("^[0-9]{1,9}(B|KiB|MiB|GiB|TiB)$");
        return;
      case Shape::kProcessors:
        pattern("^[0-9]{1,9}(\\\\.[0-9]{1,3})?$");
        return;
      case Shape::kTime:
        pattern("^[0-9]{2}:[0-9]{2}$");
        return;
      case Shape::kTexts:
      case Shape::kPaths:
        list(spec.shape == Shape::kPaths ? "2000" : "256");
        out_.raw("uniqueItems", "true");
        out_.open("items");
        text(spec.name);
        out_.close();
        return;
      case Shape::kIntegers:
        list("256");
        out_.raw("uniqueItems", "true");
        out_.open("items");
        integer();
        out_.close();
        return;
    }
  }

  void list(std::string_view longest) {
    out_.text("type", "array");
    out_.raw("maxItems", longest);
  }

  void integer() {
    out_.text("type", "integer");
    out_.raw("minimum", "1");
  }

  void pattern(std::string_view regex) {
    out_.text("type", "string");
    out_.text("pattern", regex);
  }

  void text(std::string_view key) {
    out_.text("type", "string");
    if (is_not_yet(key, "*")) {
      out_.raw("enum", "[\"host\"]");
      return;
    }
    for (const Pattern& row : kPatterns) {
      if (row.key == key) out_.text("pattern", row.pattern);
    }
    out_.raw("minLength", "1");
  }

  void choice(std::string_view key) {
    for (const Words& row : kWords) {
      if (row.key != key) continue;
      std::vector<std::string_view> supported;
      for (const std::string_view word : row.words) {
        if (!is_not_yet(key, word)) supported.push_back(word);
      }
      if (supported.empty()) {
        out_.raw("not", "{}");
      } else {
        out_.raw("enum", quoted_list(supported));
      }
    }
  }

  std::span<const parse::NotYet> refused_;
  Writer out_;
};

}  // namespace

std::string json_schema() {
  return json_schema(parse::not_yet());
}

std::string json_schema(std::span<const parse::NotYet> refused) {
  return SchemaWriter(refused).run();
}

}  // namespace carrel::schema
