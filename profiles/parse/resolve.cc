#include "profiles/parse/resolve.h"

#include <algorithm>
#include <array>
#include <deque>

#include "profiles/base/text.h"
#include "profiles/parse/finish.h"
#include "profiles/parse/merge.h"
#include "profiles/parse/tables.h"

namespace carrel::parse {
namespace {

using model::SourceLine;

/// One file of the chain, read and merged with its own parents.
struct File {
  std::string name;
  Value tree;    // as written
  Value merged;  // over what it extends; empty lists still there
  model::Profile profile;
  compare::Said said = compare::Said::nothing();
  bool whole = false;
};

struct Parent {
  std::string name;
  SourceLine where;
};

std::string listed(const std::vector<std::string>& chain) {
  std::string out;
  for (const std::string& name : chain)
    out += (out.empty() ? "" : " -> ") + quoted(name);
  return out;
}

/// Whether the dot at `at` of a rule stands between its parts. Hosts and paths have dots of their
/// own: "network.HOST.KEY", "repository.NAME.KEY.PATH".
bool is_joint(std::string_view rule, size_t at) {
  constexpr std::array<std::string_view, 6> kNetworkKeys = {".ports", ".addresses",  ".mode",
                                                            ".http",  ".credential", ".budget"};
  if (at == rule.find('.')) return true;
  if (rule.starts_with("network.")) {
    return std::find(kNetworkKeys.begin(), kNetworkKeys.end(), rule.substr(at)) !=
           kNetworkKeys.end();
  }
  return std::count(rule.begin(), rule.begin() + static_cast<std::ptrdiff_t>(at), '.') < 3;
}

/// Whether a [[widen]] of RULE covers what `rule` denies.
bool is_named_by(std::string_view rule, std::string_view widen) {
  if (rule == widen) return true;
  return rule.starts_with(widen) && rule[widen.size()] == '.' && is_joint(rule, widen.size());
}

class Resolver {
 public:
  Resolver(std::string_view file_name, const Lookup& lookup, std::span<const NotYet> refused)
      : lookup_(lookup), refused_(refused) {
    result_.files.emplace_back(file_name);
  }

  Result<ResolvedProfile> run(std::string_view source) {
    File main;
    all_bytes_ = source.size();
    if (read_toml(source, 0, main.tree, problems_)) finish_file(main, {result_.files[0]});
    if (!problems_.empty()) return problems_.to_error(result_.files);
    result_.profile = std::move(main.profile);
    for (const Problem& warning : warnings_) {
      if (result_.warnings.size() < kMaxErrors)
        result_.warnings.push_back(to_line(result_.files, warning));
    }
    return std::move(result_);
  }

 private:
  /// Reads the parents of a file, merges, reads the result and holds it against each parent.
  void finish_file(File& file, const std::vector<std::string>& chain) {
    const bool is_main = chain.size() == 1;
    std::vector<const File*> parents;
    const std::vector<Parent> names = parents_of(file.tree, is_main || is_beside(file.name));
    for (const Parent& parent : names) {
      const File* found = problems_.empty() ? load(parent, chain) : nullptr;
      if (found == nullptr) return;
      parents.push_back(found);
    }
    Value base;
    base.kind = Value::Kind::kTable;
    file.whole = is_main || file.tree.find("profile") != nullptr;
    for (const File* parent : parents)
      base = parent == parents.front() ? parent->merged : merge(base, parent->merged);
    file.merged = merge(base, file.tree);
    read(file, base, is_main);
    if (!problems_.empty()) return;
    hold_against(file, parents, names);
    const bool closed = file.whole || std::any_of(parents.begin(), parents.end(),
                                                  [](const File* one) { return one->whole; });
    file.whole = closed;
    file.said = closed ? compare::Said::everything() : said_by(file.merged);
  }

  void read(File& file, const Value& base, bool is_main) {
    Value stripped = file.merged;
    drop_empty_lists(stripped, base);
    if (file.whole) drop_unfinished(stripped);
    Warnings unheard;
    file.profile = read_tables(stripped, {problems_, refused_, Notation::kSource, !file.whole},
                               is_main ? warnings_ : unheard);
    check_together(file.profile, !file.whole, problems_);
    if (!is_main && !is_beside(file.name)) refuse_relative_sources(file);
    if (problems_.empty()) finish(file.profile, problems_);
  }

  /// A library file lies elsewhere on every host.
  void refuse_relative_sources(const File& file) {
    for (const model::Repository& repository : file.profile.repositories) {
      if (repository.source.empty() || repository.source[0] == '/') continue;
      problems_.add(repository.where, "repository.source \"" + quoted(repository.source) +
                                          "\" is relative; in a library write an absolute path or "
                                          "leave it to the profile");
    }
  }

  /// The names in `extends`, checked; `may_be_beside`: of the profile's own folder.
  std::vector<Parent> parents_of(const Value& tree, bool may_be_beside) {
    std::vector<Parent> parents;
    const Member* member = tree.find("extends");
    const bool refused = std::any_of(refused_.begin(), refused_.end(), [](const NotYet& row) {
      return row.key == "extends" && row.value.empty();
    });
    // What is no list of names is said when the table is read.
    if (member == nullptr || refused || member->value.kind != Value::Kind::kList) return parents;
    for (const Value& item : member->value.items) {
      if (item.kind != Value::Kind::kString || check_parent_name(item.text)) continue;
      if (!may_be_beside && is_beside(item.text)) {
        problems_.add(item.where, "extends: \"" + quoted(item.text) +
                                      "\" lies in a folder; a library extends only a library");
      }
      parents.push_back({item.text, item.where});
    }
    if (parents.size() > kMaxParents) {
      problems_.add(member->where, "extends names more than " + std::to_string(kMaxParents));
    }
    return parents;
  }

  const File* load(const Parent& parent, std::vector<std::string> chain) {
    const bool circle = std::find(chain.begin() + 1, chain.end(), parent.name) != chain.end();
    chain.push_back(parent.name);
    if (circle) return fail(parent, "goes in a circle: " + listed(chain));
    if (chain.size() > kMaxDepth)
      return fail(parent, "is more than " + std::to_string(kMaxDepth) + " deep: " + listed(chain));
    for (const File& file : loaded_) {
      if (file.name == parent.name) return &file;
    }
    if (result_.parents.size() + 1 >= kMaxFiles)
      return fail(parent, "makes more than " + std::to_string(kMaxFiles) + " files in all");
    Result<std::string> source = lookup_(parent.name);
    if (!source.ok()) return fail(parent, "cannot be read: " + quoted(to_string(source.error())));
    all_bytes_ += source.value().size();
    if (all_bytes_ > kMaxAllBytes) return fail(parent, "makes more than 1 MiB in all");
    result_.parents.push_back({parent.name, source.take()});
    result_.files.push_back(label(parent.name));
    File file;
    file.name = parent.name;
    const int number = static_cast<int>(result_.parents.size());
    const std::string text = result_.parents.back().source;
    if (!read_toml(text, number, file.tree, problems_)) return nullptr;
    finish_file(file, chain);
    if (!problems_.empty()) return nullptr;
    loaded_.push_back(std::move(file));
    return &loaded_.back();
  }

  const File* fail(const Parent& parent, const std::string& text) {
    problems_.add(parent.where, "extends \"" + quoted(parent.name) + "\" " + text);
    return nullptr;
  }

  [[nodiscard]] std::string label(const std::string& name) const {
    if (!is_beside(name)) return name;
    const std::string& main = result_.files[0];
    const size_t slash = main.rfind('/');
    return (slash == std::string::npos ? "" : main.substr(0, slash + 1)) + name.substr(2);
  }

  /// Every gain over a parent needs a [[widen]] of this file; a [[widen]] of nothing is said.
  void hold_against(const File& file, const std::vector<const File*>& parents,
                    const std::vector<Parent>& names) {
    const std::vector<model::Widen>& widens = file.profile.widened;
    std::vector<bool> used(widens.size(), false);
    for (size_t i = 0; i < parents.size(); ++i) {
      for (const compare::Gain& gain :
           compare::gains(file.profile, parents[i]->profile, parents[i]->said)) {
        bool named = false;
        for (size_t w = 0; w < widens.size(); ++w) {
          const std::string& of = widens[w].of;
          const bool same_parent = of.starts_with(names[i].name + ":");
          if (!same_parent || !is_named_by(gain.rule, of.substr(names[i].name.size() + 1)))
            continue;
          used[w] = true;
          named = true;
        }
        if (!named) complain(gain, names[i]);
      }
    }
    for (size_t w = 0; w < widens.size(); ++w)
      check_widen(widens[w], used[w], names);
  }

  void complain(const compare::Gain& gain, const Parent& parent) {
    const SourceLine where = gain.where.line > 0 ? gain.where : parent.where;
    std::string text = gain.words + ", which \"" + quoted(parent.name) + "\" does not allow";
    if (!gain.instead.empty()) text += " (" + gain.instead + ")";
    problems_.add(where, text + "; take it out, or add [[widen]] with of = \"" +
                             quoted(parent.name + ":" + gain.rule) + "\", reason and approved_by");
  }

  void check_widen(const model::Widen& widen, bool used, const std::vector<Parent>& names) {
    const std::string name = widen.of.substr(0, widen.of.find(':'));
    const bool known = std::any_of(names.begin(), names.end(),
                                   [&](const Parent& parent) { return parent.name == name; });
    if (!known) {
      problems_.add(widen.where, "widen.of names \"" + quoted(name) +
                                     "\", which this file does not extend; name a parent of it");
    } else if (!used) {
      warnings_.push_back(
          {widen.where, "[[widen]] of \"" + quoted(widen.of) + "\" widens nothing; take it out"});
    }
  }

  const Lookup& lookup_;
  std::span<const NotYet> refused_;
  Problems problems_;
  Warnings warnings_;
  ResolvedProfile result_;
  std::deque<File> loaded_;  // whole and done
  size_t all_bytes_ = 0;
};

}  // namespace

bool is_beside(std::string_view name) {
  return name.starts_with("./");
}

Complaint check_parent_name(std::string_view name) {
  bool good = name.size() <= 255;
  if (is_beside(name)) {
    const std::string_view file = name.substr(2);
    good = good && file.size() > 5 && file.ends_with(".toml") && RelPath::parse(file).ok() &&
           file.find('/') == std::string_view::npos && quoted(file) == file;
  } else {
    std::string_view rest = name;
    while (good) {
      const size_t slash = rest.find('/');
      good = !check_name(rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
  }
  if (good) return std::nullopt;
  return "is no profile to extend: \"" + quoted(name.substr(0, 80)) +
         "\"; write one of the library, like \"base/contractor\", or of this folder, like "
         "\"./common.toml\"";
}

Lookup lookup_in(std::span<const UsedSource> sources) {
  return [sources](std::string_view name) -> Result<std::string> {
    for (const UsedSource& source : sources) {
      if (source.name == name) return source.source;
    }
    return Error{"its source was not given"};
  };
}

Result<ResolvedProfile> resolve(std::string_view source, std::string_view file_name,
                                const Lookup& lookup) {
  return resolve(source, file_name, lookup, not_yet());
}

Result<ResolvedProfile> resolve(std::string_view source, std::string_view file_name,
                                const Lookup& lookup, std::span<const NotYet> refused) {
  if (source.size() > kMaxSourceBytes) {
    return Error{to_line(file_name, {{1, 1}, "larger than 1 MiB; a profile is a few KiB"})};
  }
  return Resolver(file_name, lookup, refused).run(source);
}

}  // namespace carrel::parse
