# Sourced by scripts/vm: the second disk, with this tree, its built programs and what the guest shall run.

vm_tree_size=3G

# vm_copy FOLDER FIND-EXPRESSION… : copies the files found below $carrel_root to the same places below FOLDER.
vm_copy() {
  local to=$1
  shift
  (cd "$carrel_root" && find . "$@" -print0 | tar --null --no-recursion --files-from=- -cf -) | tar -xf - -C "$to"
}

# vm_make_tree : the disk $vm_work/tree. Its programs are stripped where they are installed, as a package has them.
vm_make_tree() {
  local tree=$vm_work/files
  mkdir -p "$tree/.vm"
  vm_copy "$tree" \( -path './.git' -o -path './build*' -o -name __pycache__ \) -prune -o \( -type f -o -type l \)
  vm_copy "$tree" -path './build/*' \( -path './build/bin/*' -o -path './build/libexec/*' -o -name CTestTestfile.cmake \
    -o -path './build/tests/*' -name '*.cmake' -o -path './build/tests/*' -type f -perm -u+x \) -not -path '*/CMakeFiles/*' -type f
  (cd "$carrel_root" && DESTDIR=$tree/.vm/install cmake --install build --prefix /usr --strip >"$vm_work/install.log") ||
    die "cmake --install failed ($(tail -n 1 "$vm_work/install.log"))"
  printf '%s\n' "$carrel_root" >"$tree/.vm/place"
  vm_disk "$tree" "$vm_work/tree" carrel-tree "$vm_tree_size"
  rm -rf --one-file-system "$tree"
}

# vm_write_command COMMAND : what the guest runs, on a third disk of nothing but these bytes.
vm_write_command() {
  printf '%s\n' "$1" >"$vm_work/command"
  truncate -s %4096 "$vm_work/command"
}
