/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public header alone, as the oldest C and C++ that users compile it with. */
#include <extent.h>

int main(void)
{
	struct extent_write w = { 0 };

	return w.flags == EXTENT_BUFFER;
}
