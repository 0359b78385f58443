# Sourced by scripts/vm: the guest's root file system and kernel, made once and kept in the cache folder.

# What runs in the guest: Debian's own kernel and systemd, what users of a host have, and what the tests need.
vm_guest_packages="linux-image-amd64 initramfs-tools zstd systemd systemd-sysv udev kmod dbus dbus-user-session
 libpam-systemd passwd login ca-certificates
 libbpf1 libseccomp2 libcap2 libssl3 libcurl4 libc-ares2 libmnl0 libnftables1 libsqlite3-0 libgit2-1.5 libvterm0 libzstd1 zlib1g libdate-tz3 libstdc++6
 tzdata python3 git gcc libc6-dev cmake e2fsprogs bsdutils bpftool nginx-light curl"
# All that the guest's disks and ports need before udev runs; nothing else is in its first image.
vm_early_modules="virtio_pci virtio_blk virtio_console virtio_rng ext4"
vm_disk_size=12G

# The machine's own sources of Debian, as apt has them configured.
vm_sources() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  apt-get indextargets 'Created-By: Packages' 'Origin: Debian' \
    --format "deb [signed-by=$keys] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" | sort -u
}

# vm_bootstrap FOLDER LOG : a Debian 12 with the guest's own unit.
vm_bootstrap() {
  local names guest=$carrel_root/tests/vm/guest
  # shellcheck disable=SC2086
  names=$(printf '%s,' $vm_guest_packages $carrel_test_packages)
  vm_sources >"$2.list"
  [ -s "$2.list" ] || die "apt knows no source of Debian (apt-get update?)"
  mmdebstrap --mode=root --variant=minbase --include="${names%,}" \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; echo MODULES=list >"$1/etc/initramfs-tools/conf.d/carrel"' \
    --essential-hook="printf '%s\n' $vm_early_modules >\"\$1/etc/initramfs-tools/modules\"" \
    --customize-hook="install -m 644 '$guest/carrel-vm.service' \"\$1/etc/systemd/system\"" \
    --customize-hook='systemctl --root "$1" --quiet enable carrel-vm' \
    --customize-hook='systemctl --root "$1" --quiet mask ssh.service getty@.service serial-getty@.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer' \
    --customize-hook='echo carrel-vm >"$1/etc/hostname"; echo "/dev/vda / ext4 rw 0 0" >"$1/etc/fstab"' \
    bookworm "$1" "$2.list" >"$2" 2>&1 || { tail -20 "$2" >&2; die "mmdebstrap could not make the guest ($2)"; }
}

# vm_disk FOLDER FILE LABEL SIZE : what lies in the folder as an ext4 image that takes encrypted folders.
vm_disk() {
  rm -f "$2"
  truncate -s "$4" "$2"
  mkfs.ext4 -q -F -E root_owner=0:0 -O encrypt,verity -L "$3" -d "$1" "$2"
}

# vm_make_root : sets vm_root to the cache's folder with disk, kernel and initrd; makes it where the recipe has changed, in
# $vm_work, which is removed when this fails.
vm_make_root() {
  local recipe work old
  recipe=$({ declare -f vm_bootstrap vm_disk; echo "$vm_guest_packages $carrel_test_packages $vm_early_modules $vm_disk_size"
    cat "$carrel_root"/tests/vm/guest/*; } | sha256sum)
  vm_root=$vm_cache/root-${recipe:0:16}
  [ -e "$vm_root/made" ] && return 0
  say "making the guest's root file system (once; minutes)"
  work=$vm_work/root
  mkdir "$work"
  vm_bootstrap "$work/tree" "$work/log"
  cp "$(echo "$work"/tree/boot/vmlinuz-*)" "$work/vmlinuz"
  cp "$(echo "$work"/tree/boot/initrd.img-*)" "$work/initrd"
  basename "$(echo "$work"/tree/boot/vmlinuz-*)" | sed 's/vmlinuz-//' >"$work/made"
  vm_disk "$work/tree" "$work/disk" carrel-root "$vm_disk_size"
  rm -rf --one-file-system "$work/tree"
  for old in "$vm_cache"/root-*; do rm -rf "$old"; done  # a guest that runs has its files open
  mv "$work" "$vm_root"
}
