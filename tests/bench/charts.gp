# SPDX-License-Identifier: GPL-2.0
# gnuplot -c charts.gp FOLDER: draws FOLDER/NAME.svg from FOLDER/NAME.dat, which
# tests/bench/report.py wrote. A peer has the same colour everywhere.
folder = ARG1

colour(w) = w eq "by_hand" ? 0xe69f00 : w eq "page_entry" ? 0xd55e00 : w eq "io_uring" ? 0x009e73 : \
	w eq "udmabuf" ? 0x56b4e9 : w eq "vfio" ? 0xcc79a7 : w eq "iomd" ? 0x0072b2 : 0x999999
name(w) = w eq "by_hand" ? "by hand" : w eq "page_entry" ? "a page an entry (no pins)" : \
	w eq "vfio" ? "VFIO" : w eq "floor" ? "the kernel's calls alone" : w
who(file) = system("head -n 1 " . file)

set terminal svg size 900,480 dynamic font "sans-serif,13" background "white"
set datafile missing "-"
set datafile separator "\t"
set border 3 linecolor "#444444"
set tics nomirror noenhanced
set grid ytics linecolor "#dddddd"
set key outside top center horizontal noenhanced
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9 relative

do for [chart in "prepare complete ready steps queries"] {
	file = sprintf("%s/%s.dat", folder, chart)
	columns = who(file)
	set output sprintf("%s/%s.svg", folder, chart)
	set ylabel chart eq "queries" ? "instructions a query" : \
		chart eq "steps" ? "times the kernel's calls alone" : "instructions a 4 KiB page"
	set title chart eq "prepare" ? "Prepare (IN)" : \
		chart eq "complete" ? "Complete (IN, already dirty)" : \
		chart eq "ready" ? "Ready for a device behind the IOMMU, and back" : \
		chart eq "steps" ? "Other steps, there and back" : "Asking for a segment"
	plot [] [0:*] for [i = 2:words(columns)] file using i:xtic(1) every ::1 with histograms \
		linecolor rgb colour(word(columns, i)) title name(word(columns, i))
}

file = sprintf("%s/growth.dat", folder)
columns = who(file)
set output sprintf("%s/growth.svg", folder)
set title "Prepare (IN) by size, every page its own segment"
set ylabel "instructions a 4 KiB page"
set logscale x 2
set logscale y
set xtics ("4 KiB" 4096, "64 KiB" 65536, "1 MiB" 1048576, "128 MiB" 134217728, "1 GiB" 1073741824)
set ytics (200, 300, 500, 1000, 2000, 3000)
plot [3000:2e9] [200:*] for [i = 2:words(columns)] file using 1:i every ::1 \
	with linespoints linecolor rgb colour(word(columns, i)) linewidth 2 pointtype 7 \
	title name(word(columns, i))
