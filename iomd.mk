# SPDX-License-Identifier: GPL-2.0
# For the Kbuild of a module that uses iomd; one line in it is all:
#	include /usr/local/share/iomd/iomd.mk
# or the path of this file in iomd's sources, where make has built it. It adds where the
# headers are, and what the iomd.ko of the kernel at hand exports.

# A Makefile that is read before the kernel's build begins wants none of it.
ifneq ($(KERNELRELEASE),)
iomd-home := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

subdir-ccflags-y += -I$(iomd-home)/include

# Installed; built by make; built by DKMS; built by make -C KDIR M=iomd's sources.
iomd-symvers := $(firstword $(wildcard $(addsuffix /Module.symvers, \
	$(iomd-home)/$(KERNELRELEASE) \
	$(iomd-home)/build/modules/$(KERNELRELEASE) \
	/var/lib/dkms/$(patsubst iomd-%,iomd/%,$(notdir $(iomd-home)))/$(KERNELRELEASE)/* \
	$(iomd-home))))
KBUILD_EXTRA_SYMBOLS += $(iomd-symvers)

# Nobody needs them to clean up.
ifeq ($(iomd-symvers)$(findstring Makefile.clean,$(MAKEFILE_LIST)),)
$(error there is no iomd for kernel $(KERNELRELEASE) in $(iomd-home): run make there, or make install in its sources, with KDIR=$(abspath $(objtree)))
endif
endif
