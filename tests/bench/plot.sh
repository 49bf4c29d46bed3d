#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Draws what benchmarks print: a row for each line with a goal, its median and spread as multiples
# of the goal, so that right of 1 is always better.
#
#	plot.sh PICTURE.svg <LOG
set -eu -o pipefail
picture=$1
command -v gnuplot >/dev/null || { echo "no picture: gnuplot is missing"; exit 0; }

data=$(mktemp)
trap 'rm -f "$data"' EXIT
# TEXT MEDIAN (LOW .. HIGH, N runs) goal >= GOAL: met
sed -nE 's/^[^[:alnum:]]*(.*[^ ]) +([0-9.]+) +\(([0-9.]+) \.\. ([0-9.]+), ([0-9]+) runs\) +goal ([<>])= ([0-9.]+): (met|MISSED).*/\1\t\2\t\3\t\4\t\5\t\6\t\7\t\8/p' |
	awk -F'\t' -v OFS='\t' '
	function times(v) { return v <= 0 ? 0 : $6 == ">" ? v / $7 : $7 / v }
	{
		median = times($2); low = times($3); high = times($4)
		if (low > high) { swap = low; low = high; high = swap }
		sign = $6 == ">" ? "≥" : "≤"
		label = sprintf("%s\\n%s  (%s to %s, %d runs; goal %s %s)", $1, $2, $3, $4, $5, sign, $7)
		print NR, median, low, high, ($8 == "met" ? 1 : 0), label
	}' >"$data"
rows=$(wc -l <"$data")
[ "$rows" -gt 0 ] || { echo "no picture: nothing with a goal was printed"; exit 0; }
gnuplot <<END
set terminal svg size 1000,$((110 + 58 * rows)) font "sans-serif,13" background "#ffffff"
set output "$picture"
set datafile separator "\t"
set title "Median and spread, as multiples of the goal" offset screen -0.15,0
set xlabel "right of 1: better than asked for"
set logscale x 2
set xrange [0.25:8]
set yrange [$rows.5:0.5] # reversed: the first on top
set lmargin 52
set grid xtics lc "#dddddd"
set key off
set border 1
set xtics nomirror
set ytics nomirror scale 0
set arrow from 1, graph 0 to 1, graph 1 nohead lc "#444444" lw 1.5 dt 2
colour(met) = met > 0.5 ? 0x2a7f3f : 0xb3261e
plot "$data" using 2:1:3:4:(colour(\$5)):ytic(6) with xerrorbars lc rgb variable lw 2 pt 7 ps 0.9
END
echo "drawn: $picture"
