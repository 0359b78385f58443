#pragma once
// A slice as a contractor gets it: the slicer's checkout as the lower layer of an overlay (an
// ordinary user's: as it is), its read-only entries bound over it, and git run without any
// privilege by the files' owner.

#include <sys/mount.h>

#include "launcher/box/kernel/mount_api.h"
#include "launcher/service/folders.h"
#include "tests/sandbox/slicing/jail.h"

namespace carrel::service {

class SliceOverlay : public SlicerJail {
 protected:
  static constexpr const char* kEntries = "docs/SPEC.md odd.txt vendor";

  void SetUp() override {
    SlicerJail::SetUp();
    for (int i = 0; i < 20; ++i) {
      const std::string n = std::to_string(i);
      put("src/deep/s" + n + ".c", "int s" + n + ";\n");
      put("vendor/lib/v" + n + ".h", "int v" + n + ";\n");
    }
    put("docs/SPEC.md", "spec\n");
    put("docs/notes.md", "notes\n");
    put("odd.txt", "odd\n");
    commit_source();
    repository_.read = entries({"docs/SPEC.md", "odd.txt", "vendor"});
    repository_.write = entries({"docs/notes.md", "src"});
    ASSERT_TRUE(slice()) << failure_.text;
    sliced_.emplace(must(open_sliced("app", std::move(output_))));
    ASSERT_EQ(sliced_->head.read_only.size(), 3U);
    shell("mkdir up ws home");
    if (is_root()) {
      shell("chown -R " + owner() + " slice/tree slice/ro");
      shell("mount -t tmpfs -o mode=0755 up up && mkdir up/upper up/work && chown " + owner() +
            " up/upper home");
    }
    mount_tree();
  }
  void TearDown() override {
    // The namespace goes with this process; what is below it must not be removed with the folder.
    while (umount2((folder_ / "ws").c_str(), MNT_DETACH) == 0) {
    }
    (void)umount2((folder_ / "up").c_str(), MNT_DETACH);
    SlicerJail::TearDown();
  }

  /// The contractor as files show it. Of root the payload's uid of the slot that job() uses: files
  /// belong to it here without an id map. An ordinary user's contractor has that user's own.
  std::string owner_id() {
    return std::to_string(is_root() ? plan::kBlockBase + 8 + 1 : plan::kPayloadUid);
  }
  std::string owner() { return owner_id() + ":" + owner_id(); }
  /// As reference: redirect_dir lets git rename folders of the lower layer.
  void mount_tree() {
    if (is_root()) {
      shell(
          "mount -t overlay -o lowerdir=slice/tree,upperdir=up/upper,workdir=up/work,"
          "redirect_dir=on,metacopy=off,xino=on app ws");
    } else {
      bind("slice/tree", "ws", 0);
    }
  }
  /// What the launcher binds over the tree.
  void bind_entries() {
    for (size_t i = 0; i < sliced_->head.read_only.size(); ++i) {
      bind("slice/ro/" + std::to_string(i), "ws/" + sliced_->head.read_only[i].path,
           MOUNT_ATTR_RDONLY);
    }
  }
  /// Without the binds, as at the end of a session.
  void unbind_entries() { shell("for p in " + std::string(kEntries) + "; do umount ws/$p; done"); }
  /// Ends the session and begins the next one on the same upper layer.
  void reopen() {
    while (umount2((folder_ / "ws").c_str(), MNT_DETACH) == 0) {
    }
    mount_tree();
  }

  /// A command of the contractor in the tree: an ordinary uid, no capability, no configuration but
  /// the tree's own and a name.
  Ran as_contractor(const std::string& command) {
    std::ofstream(folder_ / "script") << command << "\n";
    const std::string become =
        is_root() ? "setpriv --reuid=" + owner_id() + " --regid=" + owner_id() +
                        " --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"
                  : "unshare --user --map-user=" + owner_id() + " --map-group=" + owner_id() +
                        " setpriv --no-new-privs";
    return run_shell(
        "cd " + folder_ / "ws" + " && " + become +
        " env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 GIT_CONFIG_NOSYSTEM=1 HOME=" + folder_ / "home" +
        " GIT_AUTHOR_NAME=c GIT_AUTHOR_EMAIL=c@x "
        "GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@x sh -e " +
        folder_ / "script");
  }
  /// One that must succeed; what it said.
  std::string must_run(const std::string& command) {
    const Ran ran = as_contractor(command);
    EXPECT_EQ(ran.code, 0) << command << "\n" << ran.said;
    return ran.said;
  }
  void expect_clean(const std::string& after) {
    EXPECT_EQ(must_run("git status --porcelain --untracked-files=all"), "") << "after " << after;
  }
  /// One that must succeed and leave nothing behind.
  void expect_works(const std::string& command) {
    must_run(command);
    expect_clean(command);
  }

  std::optional<SlicedRepository> sliced_;

 private:
  void bind(const std::string& what, const std::string& where, uint64_t attributes) {
    const UniqueFd place(open((folder_ / what).c_str(), O_PATH | O_CLOEXEC));
    const UniqueFd mount = must(kernel::clone_tree(place.get(), kernel::Tree::kOne));
    must(kernel::set_mount_attributes(mount.get(), attributes, kernel::Tree::kOne));
    must(kernel::attach_mount(mount.get(), AT_FDCWD, folder_ / where));
  }
};

}  // namespace carrel::service
