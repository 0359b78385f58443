#!/usr/bin/env bash
# End-to-end tests of this tree on Debian's kernel and cgroup v2: as root, or MODE=rootless as an ordinary user. Takes an hour.
mode=${MODE:-root}
exec /usr/bin/python3 tests/vm/lib/run_modules.py "$mode" main_job_test limits_test service_mode_test storage_test lifecycle_test ssh_test gateway_process_test gateway_again_test
