# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# What each guest's init needs; sourced by it as the first thing, under busybox.
#
# All that a guest says goes through the kernel's log, line by line, so that it
# stands in order among the kernel's own messages and is never torn by them.
# "guest> TEXT" is for the reader on the host, "guest: exit N" ends it.

/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/tmp
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t debugfs debug /sys/kernel/debug
mkdir -p /dev/shm /tmp /hugepages
mount -t tmpfs tmp /tmp
mount -t tmpfs shm /dev/shm
exec </dev/null >/dev/kmsg 2>&1
echo on >/proc/sys/kernel/printk_devkmsg
trap finish EXIT

# to_log [PREFIX]: its input, line by line; an empty one would not show.
to_log() { while IFS= read -r line || [ -n "$line" ]; do echo "$1${line:- }"; done; }

# tell TEXT...: to the reader.
tell() { echo "guest> $*"; }

# run COMMAND...: its output in the log, its exit code as our own.
run() {
	rm -f /tmp/run.code
	{ "$@" </dev/null 2>&1; echo $? >/tmp/run.code; } | to_log "${run_prefix-}"
	return "$(cat /tmp/run.code)"
}

# fail TEXT...: the reason why this guest will not end with 0.
failures=0
fail() { echo "guest: FAIL $*"; failures=$((failures + 1)); }

# pinned WORD: pages that the kernel acquired or released, ever; the refresh
# collects what each CPU still counts for itself.
pinned() {
	cat /proc/sys/vm/stat_refresh
	sed -n "s/^nr_foll_pin_$1 //p" /proc/vmstat
}

# balance: iomd's counters come in pairs, taken and given back, and then
# "live CLASS N"; prints what has not come back (nothing is good).
balance() {
	awk '$1 == "live" { if ($3) print "live objects of " $2 ": " $3; next }
	     NR % 2 { taken = $0; n = $2; next }
	     n != $2 { print taken " but " $0 }' /sys/kernel/debug/iomd/counters 2>&1
	[ "$(pinned acquired)" = "$(pinned released)" ] ||
		echo "$(pinned acquired) pages were pinned, $(pinned released) released"
}

# settled: all came back; what is released late is waited for.
settled() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -n "$(balance)" ] || return 0
		sleep 0.2
	done
	fail "not given back: $(balance | tr '\n' ';')"
}

finish() {
	code=$?
	trap - EXIT
	[ "$code" -ne 0 ] || code=$((failures > 0))
	sync
	echo "guest: exit $code"
	# Every machine can do that, which not all can power off; QEMU then ends.
	reboot -f
}
