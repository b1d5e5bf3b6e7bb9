# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
# What every script here needs: where things are, how to say what goes on, how
# to get a tool or a package. Sourced, never run.

set -Eeuo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
# What make was asked for is ours; a kernel's build must not take it for its own.
unset MAKEFLAGS MFLAGS MAKELEVEL
PATH=$PATH:/usr/sbin:/sbin
# Who is started by the system, as DKMS may be, has no home.
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/iomd

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Whoever fails with 1 has said why; nothing else may end a script in silence.
trap 'unexpected $? "${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
unexpected() { [ "$1" -eq 1 ] || say "error: exit code $1 of $2"; }

# built_kernel FOLDER: modules can be built for the kernel there. One that is configured and
# no more looks like one until the last step of a long build, in which all symbols lack.
built_kernel() {
	[ -e "$1/include/generated/utsrelease.h" ] ||
		die "no built kernel tree in $1; name one: make KDIR=/path/to/it"
	[ -s "$1/Module.symvers" ] ||
		die "the kernel in $1 is not built: it has no Module.symvers; build it there, or name another one: make KDIR=/path/to/it"
}

# apt_install PACKAGE...: what is missing of them. Without root, the exact
# command is named instead.
apt_install() {
	local p missing=() installed
	[ $# -gt 0 ] || return 0
	installed=$(dpkg-query -W -f '${Package} ${Status}\n' "$@" 2>/dev/null |
		sed -n 's/ .* installed$//p') || true
	for p in "$@"; do
		[[ $'\n'$installed$'\n' == *$'\n'$p$'\n'* ]] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return
	[ "$(id -u)" -eq 0 ] || die "missing tools; run: sudo apt-get install --no-install-recommends ${missing[*]}"
	say "installing: ${missing[*]}"
	mkdir -p "$cache"
	apt_update
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o DPkg::Lock::Timeout=120 --no-install-recommends \
		"${missing[@]}" >"$cache/apt.log" 2>&1 ||
		{ tail -n 20 "$cache/apt.log" >&2; die "apt-get install ${missing[*]} failed"; }
}

# apt_update: once a day is enough, and once is needed.
apt_update() {
	local stamp=$cache/apt-updated
	[ -z "${apt_suite:-}" ] || stamp=$cache/apt/$apt_suite/updated
	[ -n "$(find "$stamp" -mmin -1440 2>/dev/null)" ] && return
	[ "$(id -u)" -eq 0 ] || [ -n "${apt_suite:-}" ] || return 0
	mkdir -p "$cache"
	if apt-get update -q >"$cache/apt.log" 2>&1; then
		touch "$stamp"
	else
		# What is known and cached may do; if it does not, that is said then.
		tail -n 3 "$cache/apt.log" >&2
		say "apt-get update failed; going on with what was known before"
	fi
}

# apt_from SUITE [deb-src]: from here on packages (or sources) are looked up in a
# suite of this machine's own Debian mirror, with lists of our own: the system's
# stay as they are.
apt_from() {
	local name=$1${2:+-$2} dir mirror
	dir=$cache/apt/$name
	# shellcheck disable=SC2016 # apt-get fills these in
	mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		sed -n 's,^Debian [a-z]* \(.*/debian/*\)$,\1,p' | head -n 1)
	[ -n "$mirror" ] || { say "this machine's apt has no Debian mirror to take $1 from"; return 1; }
	mkdir -p "$dir"/{lists/partial,archives/partial}
	echo "${2:-deb} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$dir/lists";
		Dir::Cache "$dir";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
	END
	apt_suite=$name
	export APT_CONFIG=$dir/apt.conf
}

# with_progress WHAT LOG COMMAND...: run it into LOG, a line every 15 seconds.
with_progress() {
	local what=$1 log=$2 start=$SECONDS pid
	shift 2
	mkdir -p "$(dirname "$log")"
	say "$what ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while sleep 1; kill -0 $pid 2>/dev/null; do
		(((SECONDS - start) % 15 == 0)) &&
			say "  $((SECONDS - start)) s: $(tail -n 1 "$log" | cut -c1-70)"
	done
	wait $pid || { tail -n 30 "$log" >&2; die "$what failed; the whole log: $log"; }
	say "  done in $((SECONDS - start)) s"
}

# fetch_deb PACKAGE: the newest version, as a file in the cache; prints its path.
fetch_deb() {
	local name=$1 version dir=$cache/deb file
	version=$(deb_version "$name")
	file=$dir/${name}_${version//:/%3a}.deb
	if [ ! -e "$file" ]; then
		mkdir -p "$dir/partial.$$"
		(cd "$dir/partial.$$" && with_progress "downloading $name $version" \
			"$dir/$name.log" apt-get download -q "$name=$version")
		mv "$dir/partial.$$"/*.deb "$file"
		rm -rf "$dir/partial.$$"
	fi
	printf '%s\n' "$file"
}

deb_version() {
	local v
	apt_update
	v=$(deb_known "$1")
	[ -n "$v" ] || die "no package $1 in this machine's apt sources; try: apt-get update"
	printf '%s\n' "$v"
}

# deb_known PACKAGE: its newest version, or nothing. apt takes a second to say, so its
# answer is kept until its lists change.
deb_known() {
	local file=$cache/known/${apt_suite:-system}/$1 lists=/var/lib/apt/lists version
	[ -z "${apt_suite:-}" ] || lists=$cache/apt/$apt_suite/lists
	if [ ! "$file" -nt "$lists" ]; then
		version=$(apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p') || true
		[ -n "$version" ] || return 0
		mkdir -p "${file%/*}"
		echo "$version" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	cat "$file"
}

# content_key FILE... (or text on stdin with none): 12 hex digits of what is in them.
# shellcheck disable=SC2120
content_key() { cat "$@" | sha256sum | cut -c1-12; }
