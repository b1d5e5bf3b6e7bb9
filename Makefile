# SPDX-License-Identifier: GPL-2.0
# The front door: each target is a script of scripts/, which says more.
# Variables given on the command line reach the scripts as environment.

.PHONY: modules samples compile_commands.json install uninstall install-check deb rpm packages-check test check check-long check-arch coverage mutate model torture lint demo demo-matrix demo-unplug demo-hostile demo-quota demo-suspend bench bench-check clean help
.DEFAULT_GOAL := modules

modules:
	@scripts/modules alone

samples:
	@scripts/modules

install:
	@scripts/install

uninstall:
	@scripts/install remove

install-check:
	@scripts/install-check

deb:
	@scripts/deb

rpm:
	@scripts/rpm

packages-check:
	@scripts/packages-check

test:
	@scripts/test

check:
	@scripts/check

check-long:
	@scripts/check long

check-arch:
	@scripts/check-arch

coverage:
	@scripts/coverage

mutate:
	@scripts/mutate

model:
	@scripts/model

torture:
	@scripts/torture

lint:
	@scripts/lint

demo:
	@scripts/demo

demo-matrix:
	@scripts/demo-matrix

demo-unplug demo-hostile demo-quota demo-suspend:
	@scripts/demo $(@:demo-%=%)

compile_commands.json:
	@scripts/compile-commands

bench:
	@scripts/bench

bench-check:
	@scripts/bench --small

clean:
	rm -rf build

define usage
make [KDIR=...]     the module, for a kernel's build folder (default: the running kernel's);
                    W=1, C=2 as in the kernel's own build, GCOV=1 counts lines
make samples        the module, the samples and, on a kernel with KUnit, the suites
make install        the module, and what others are built with; prefix (/usr/local), DESTDIR,
                    INSTALL_MOD_PATH, INSTALL_MOD_DIR (updates), INSTALL_MOD_STRIP
make uninstall      all of that, of every kernel
make install-check  installs somewhere else, builds a driver by that and loads it in QEMU
make deb            packages of Debian, in build/deb: iomd-dkms and iomd-dev
make rpm            the same for systems with RPM, in build/rpm
make packages-check installs them in fresh systems of Debian 12 and 13, upgrades and removes them
make test           the suites in QEMU, on a kernel built from Debian's sources
     SUITE=name     only the suites whose module's name contains it (or matches: a|b)
     SANITIZE=1     on a kernel with KASAN, lockdep, DMA-API debug, kmemleak ...
     KCSAN=1        on a kernel that reports data races
     RT=1           on a PREEMPT_RT kernel that reports who sleeps where nobody may
     KERNEL=6.12    or 6.1, or 7.3
make check          everything: all kernels (KERNELS="6.12 6.1 7.3"), sanitizers, lint ...
make check-long     what takes too long for that: data races, torture
make check-arch     the suites on i386, arm64, riscv64 and s390x, emulated; an hour.
                    ARCH=riscv64 one of them, ARCH=arm64 PAGES=64K with such pages
                    (make test ARCH=... SUITE=name picks suites)
make coverage       which lines and branches of src/ the suites reach; a report
make mutate         do the suites notice mistakes? about an hour
make model          the protocols' models (tests/models), in every order of steps; seconds
make torture        anything at any time, SECONDS=60 long; SEED=n repeats a run
make demo           the edu sample on Debian's stock kernel, its device behind an IOMMU;
     IOMMU=off      or on, pt, swiotlb; BITS=28 or 32; MEMORY=1G
     RT=1           on Debian's kernel with PREEMPT_RT (as all demo-... of x86_64)
     ARCH=riscv64   the dmaengine sample on a machine with a DMA engine
make demo-unplug    devices that are unbound, unplugged and pulled in mid-transfer
make demo-hostile   programs that do what they like with the samples' files; SEED=n
make demo-quota     users who show the device single bytes of many pages
make demo-suspend   sleep and wake with memory mapped for devices and programs
make demo-matrix    the edu sample on 16 kinds of machines, a line for each
make bench          what iomd costs beside its peers, in instructions; minutes
make bench-check    the small sizes, against what is recorded (RECORD=1: record anew)
make lint           style, warnings, sparse, kernel-doc, spelling, scripts
make compile_commands.json    how each file is compiled, for clangd
make clean          remove build/ (kernels stay in the cache: ~/.cache/iomd)
endef

help:
	$(info $(usage))@:
