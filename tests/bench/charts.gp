# SPDX-License-Identifier: GPL-2.0
# gnuplot -c charts.gp FOLDER: draws FOLDER/NAME.svg from FOLDER/NAME.dat, which
# tests/bench/report.py wrote. A peer has the same colour everywhere.
folder = ARG1

who = "floor by_hand page_entry io_uring udmabuf vfio iomd"
title(w) = w eq "by_hand" ? "by hand" : w eq "page_entry" ? "a page an entry" : \
	w eq "vfio" ? "VFIO" : w eq "floor" ? "the kernel's calls alone" : w
array colour[7] = [0x999999, 0xe69f00, 0xd55e00, 0x009e73, 0x56b4e9, 0xcc79a7, 0x0072b2]

set terminal svg size 900,480 dynamic font "sans-serif,13" background "white"
set datafile missing "-"
set datafile separator "\t"
set border 3 linecolor "#444444"
set tics nomirror
set grid ytics linecolor "#dddddd"
set key outside top center horizontal noenhanced

set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9 relative

do for [chart in "prepare complete ready steps queries"] {
	file = sprintf("%s/%s.dat", folder, chart)
	set output sprintf("%s/%s.svg", folder, chart)
	set ylabel (chart eq "queries") ? "instructions a query" : "instructions a 4 KiB page"
	set title chart eq "prepare" ? "Prepare (IN)" : chart eq "complete" ? "Complete (IN, already dirty)" : \
		chart eq "ready" ? "Ready for a device behind the IOMMU, and back" : \
		chart eq "steps" ? "Other steps, both ways" : "Asking for segments"
	unset logscale
	set yrange [0:*]
	if (chart eq "ready" || chart eq "steps") {
		set logscale y
		set yrange [10:*]
	}
	set xtics noenhanced
	plot for [i = 1:words(who)] file using i + 1:xtic(1) every ::1 \
		title title(word(who, i)) linecolor rgb colour[i]
}

set output sprintf("%s/growth.svg", folder)
set title "Prepare (IN) by size, every page its own segment"
set style data linespoints
set ylabel "instructions a 4 KiB page"
set xlabel "size"
set logscale x 2
set logscale y
set yrange [200:*]
set xtics ("4 KiB" 4096, "64 KiB" 65536, "1 MiB" 1048576, "128 MiB" 134217728, "1 GiB" 1073741824)
file = sprintf("%s/growth.dat", folder)
plot for [i = 1:words(who)] file using 1:i + 1 every ::1 \
	with linespoints linecolor rgb colour[i] linewidth 2 pointtype 7 title title(word(who, i))
