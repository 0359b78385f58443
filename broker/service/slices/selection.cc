#include "broker/service/slices/selection.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "profiles/base/text.h"

namespace carrel::slices {
namespace {

std::string shown(std::string_view path) {
  return "\"" + quoted(path.substr(0, 200)) + "\"";
}

class Walk {
 public:
  Walk(const SliceRequest& request, ObjectStore& store, const Rules& rules, Fault& fault)
      : request_(request), store_(store), rules_(rules), fault_(fault) {}

  Result<Selection> run(const git_oid& root);

 private:
  /// Where the walk is.
  struct Place {
    std::string path;  // "" is the root
    Rules::Cursor cursor;
    std::optional<size_t> read_only;
  };
  struct Entry {
    std::string_view name;
    git_oid id{};
    git_filemode_t mode = GIT_FILEMODE_UNREADABLE;
  };

  Error refuse(std::string what) {
    fault_ = Fault::kProfile;
    return Error{std::move(what)};
  }
  /// The rebuilt tree; nothing where it would be empty.
  Result<std::optional<git_oid>> tree(const git_oid& id, const Place& place);
  Status entry(const Entry& entry, const Place& parent, std::string& rebuilt);
  Status file(const Entry& entry, Place place);
  Status check_entries(const Rules::Cursor& cursor, const Entry& entry, const std::string& path);
  Status bind_if_entry(const Entry& entry, Place& place);
  void sort();

  const SliceRequest& request_;
  ObjectStore& store_;
  const Rules& rules_;
  Fault& fault_;
  std::vector<bool> seen_;
  Selection out_;
};

Status check_name(std::string_view name, const std::string& path) {
  const char* wrong = nullptr;
  if (name.find('/') != std::string_view::npos) wrong = " has a slash in one name";
  if (is_git_folder_name(name)) wrong = " has a name that git takes for its own folder";
  if (wrong != nullptr) {
    return Error{"the repository's path " + shown(path) + wrong +
                 "; take it out of the commit, or hide it with a never entry"};
  }
  if (const auto parsed = RelPath::parse(path); !parsed.ok()) {
    return Error{"the repository's " + parsed.error().what +
                 "; take it out of the commit, or hide it with a never entry"};
  }
  return Done{};
}

void append_entry(std::string& rebuilt, std::string_view mode, std::string_view name,
                  const git_oid& id) {
  rebuilt += mode;
  rebuilt += ' ';
  rebuilt += name;
  rebuilt += '\0';
  rebuilt.append(reinterpret_cast<const char*>(id.id), GIT_OID_RAWSZ);
}

/// As git writes a mode in a tree.
std::string_view mode_text(git_filemode_t mode) {
  if (mode == GIT_FILEMODE_TREE) return "40000";
  if (mode == GIT_FILEMODE_LINK) return "120000";
  return mode == GIT_FILEMODE_BLOB_EXECUTABLE ? "100755" : "100644";
}

Result<Selection> Walk::run(const git_oid& root) {
  seen_.assign(rules_.required().size(), false);
  Place place;
  place.cursor = rules_.root();
  ASSIGN_OR_RETURN(const std::optional<git_oid> rebuilt, tree(root, place));
  for (size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i]) continue;
    return refuse("entry " + shown(rules_.required()[i].text()) + " of \"" + request_.name +
                  "\" does not exist at ref \"" + quoted(request_.ref.substr(0, 200)) +
                  "\"; correct or remove it in the profile");
  }
  if (rebuilt) {
    out_.tree = *rebuilt;
  } else {
    ASSIGN_OR_RETURN(out_.tree, store_.add("", GIT_OBJECT_TREE));
    out_.trees.push_back(out_.tree);
  }
  sort();
  for (size_t i = 1; i < out_.files.size(); ++i) {
    if (out_.files[i].path != out_.files[i - 1].path) continue;
    return Error{"the repository has the path " + shown(out_.files[i].path) +
                 " twice in one commit; check it with git fsck"};
  }
  return std::move(out_);
}

Result<std::optional<git_oid>> Walk::tree(const git_oid& id, const Place& place) {
  git_tree* opened = nullptr;
  if (git_tree_lookup(&opened, store_.repository(), &id) < 0) {
    return git_failure("read folder " + shown(place.path) + " of the repository");
  }
  const Git<git_tree> source(opened);
  std::string rebuilt;
  const size_t count = git_tree_entrycount(source.get());
  for (size_t i = 0; i < count; ++i) {
    const git_tree_entry* raw = git_tree_entry_byindex(source.get(), i);
    const Entry next{git_tree_entry_name(raw), *git_tree_entry_id(raw),
                     git_tree_entry_filemode(raw)};
    RETURN_IF_ERROR(entry(next, place, rebuilt));
  }
  if (rebuilt.empty()) return std::optional<git_oid>();
  ASSIGN_OR_RETURN(const git_oid made, store_.add(rebuilt, GIT_OBJECT_TREE));
  out_.trees.push_back(made);
  return std::optional<git_oid>(made);
}

Status Walk::entry(const Entry& entry, const Place& parent, std::string& rebuilt) {
  Place place;
  place.cursor = parent.cursor.child(entry.name);
  const Exposure exposure = place.cursor.exposure();
  if (exposure == Exposure::kHidden) return Done{};
  place.path =
      parent.path.empty() ? std::string(entry.name) : parent.path + "/" + std::string(entry.name);
  place.read_only = exposure == Exposure::kReadOnly ? parent.read_only : std::nullopt;
  RETURN_IF_ERROR(check_name(entry.name, place.path));
  RETURN_IF_ERROR(check_entries(place.cursor, entry, place.path));
  if (entry.mode == GIT_FILEMODE_COMMIT) return Done{};
  RETURN_IF_ERROR(bind_if_entry(entry, place));
  if (entry.mode == GIT_FILEMODE_TREE) {
    ASSIGN_OR_RETURN(const std::optional<git_oid> made, tree(entry.id, place));
    if (made) append_entry(rebuilt, mode_text(entry.mode), entry.name, *made);
    return Done{};
  }
  if (exposure == Exposure::kParent) return Done{};  // a file where the entries need a folder
  append_entry(rebuilt, mode_text(entry.mode), entry.name, entry.id);
  return file(entry, std::move(place));
}

Status Walk::check_entries(const Rules::Cursor& cursor, const Entry& entry,
                           const std::string& path) {
  const std::optional<size_t> required = cursor.required();
  if (!required) return Done{};
  seen_[*required] = true;
  if (entry.mode != GIT_FILEMODE_COMMIT) return Done{};
  return refuse("entry " + shown(path) + " of \"" + request_.name +
                "\" is a submodule, and submodules are never in a slice; remove the entry from the "
                "profile, or give the submodule's repository a table of its own");
}

/// A symbolic link cannot be mounted over: it stays an ordinary link of the private copy.
Status Walk::bind_if_entry(const Entry& entry, Place& place) {
  if (!place.cursor.starts_binding() || entry.mode == GIT_FILEMODE_LINK) return Done{};
  if (out_.read_only.size() >= manifest::kMaxReadOnlyEntries) {
    return refuse("\"" + request_.name + "\" has more than " +
                  std::to_string(manifest::kMaxReadOnlyEntries) +
                  " read-only entries; name folders above them");
  }
  place.read_only = out_.read_only.size();
  out_.read_only.push_back({place.path, entry.mode == GIT_FILEMODE_TREE});
  return Done{};
}

Status Walk::file(const Entry& entry, Place place) {
  if (out_.files.size() >= manifest::kMaxFiles) {
    return Error{"the slice of \"" + request_.name + "\" has more than " +
                 std::to_string(manifest::kMaxFiles) + " files; expose fewer folders"};
  }
  SelectedFile file;
  file.path = std::move(place.path);
  file.id = entry.id;
  file.mode = GIT_FILEMODE_BLOB;
  if (entry.mode == GIT_FILEMODE_LINK || entry.mode == GIT_FILEMODE_BLOB_EXECUTABLE) {
    file.mode = entry.mode;
  }
  file.read_only = place.read_only;
  out_.files.push_back(std::move(file));
  return Done{};
}

/// A tree sorts "a-b" before the folder "a"; entries sort by their bytes.
void Walk::sort() {
  std::vector<size_t> order(out_.read_only.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [this](size_t a, size_t b) { return out_.read_only[a].path < out_.read_only[b].path; });
  std::vector<size_t> moved_to(order.size());
  std::vector<manifest::ReadOnlyEntry> sorted;
  for (size_t i = 0; i < order.size(); ++i) {
    moved_to[order[i]] = i;
    sorted.push_back(std::move(out_.read_only[order[i]]));
  }
  out_.read_only = std::move(sorted);
  for (SelectedFile& file : out_.files) {
    if (file.read_only) file.read_only = moved_to[*file.read_only];
  }
  std::sort(out_.files.begin(), out_.files.end(),
            [](const SelectedFile& a, const SelectedFile& b) { return a.path < b.path; });
}

}  // namespace

Result<Selection> select(const SliceRequest& request, const Source& source, ObjectStore& store,
                         Fault& fault) {
  const Rules rules(request.read, request.write, request.never);
  return Walk(request, store, rules, fault).run(source.tree);
}

}  // namespace carrel::slices
