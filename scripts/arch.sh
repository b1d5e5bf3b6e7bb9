# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
# What an architecture is to the scripts: sourced after lib.sh, set by ARCH
# (x86_64 if none is given) and, on arm64, PAGES=4K or 64K.

arch=${ARCH:-x86_64}
# Its fragments, on top of common.config; what others call this combination.
arch_fragments=("$arch")
arch_name=$arch
# Empty where what is here compiles for it.
cross=''
# What its guests have if nobody asks for more or less, and how they boot.
guest_memory=1G guest_boot=''

case $arch in
x86_64)
	kernel_arch=x86_64 arch_fragments=()
	image=bzImage image_path=arch/x86/boot/bzImage
	qemu=qemu-system-x86_64 qemu_packages=(qemu-system-x86)
	cross_packages=()
	;;
i386)
	kernel_arch=i386 cross=i686-linux-gnu-
	# More than the kernel can have mapped all the time, and than addresses of 32 bits.
	guest_memory=6G
	image=bzImage image_path=arch/x86/boot/bzImage
	qemu=qemu-system-i386 qemu_packages=(qemu-system-x86)
	cross_packages=(gcc-i686-linux-gnu libc6-dev-i386-cross)
	;;
arm64)
	kernel_arch=arm64 cross=aarch64-linux-gnu-
	image=Image image_path=arch/arm64/boot/Image
	# It begins at 1 GiB: some of it is above 4 GiB.
	guest_memory=4G
	qemu=qemu-system-aarch64 qemu_packages=(qemu-system-arm)
	cross_packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
	case ${PAGES:-4K} in
	4K) ;;
	64K)
		arch_fragments+=(arm64-64k) arch_name=arm64-64k
		# Where nothing else is said, a huge page has 512 MiB; and one is what
		# memory for contiguous allocations is set apart by.
		guest_boot="default_hugepagesz=2M"
		;;
	*) die "arm64 has PAGES=4K and 64K here, not $PAGES" ;;
	esac
	;;
riscv64)
	kernel_arch=riscv cross=riscv64-linux-gnu-
	image=Image image_path=arch/riscv/boot/Image
	# It begins at 2 GiB: some of it is above 4 GiB.
	guest_memory=3G
	qemu=qemu-system-riscv64 qemu_packages=(qemu-system-misc opensbi)
	cross_packages=(gcc-riscv64-linux-gnu libc6-dev-riscv64-cross)
	;;
s390x)
	kernel_arch=s390 cross=s390x-linux-gnu-
	image=bzImage image_path=arch/s390/boot/bzImage
	# More than what 31 bits reach.
	guest_memory=3G
	qemu=qemu-system-s390x qemu_packages=(qemu-system-misc)
	cross_packages=(gcc-s390x-linux-gnu libc6-dev-s390x-cross)
	;;
*)
	# Good for a kernel tree of the caller's, named as the kernel's build does.
	kernel_arch=$arch cross=${CROSS_COMPILE:-}
	image='' cross_packages=()
	;;
esac
# What the kernel's build is told.
arch_make=(ARCH="$kernel_arch" ${cross:+CROSS_COMPILE="$cross"})

# known_arch: for those who build or boot a whole kernel.
known_arch() {
	[ -n "$image" ] || die "ARCH is x86_64, i386, arm64, riscv64 or s390x here, not $arch"
}
