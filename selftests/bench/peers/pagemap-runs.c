// SPDX-License-Identifier: GPL-2.0
/*
 * pagemap-runs PID START END: prints the physically contiguous runs of a range
 * as `START END PA`, from bulk reads of /proc/PID/pagemap: what a C programmer
 * writes where there is no /proc/memintro/extents.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGE 4096ULL
#define PRESENT (1ULL << 63)
#define FRAME ((1ULL << 55) - 1)
#define MANY 65536

static uint64_t entries[MANY];

int main(int argc, char **argv)
{
	uint64_t va, end, start = 0, next = 0, pa = 0;
	char path[64];
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: pagemap-runs PID START END\n");
		return 2;
	}
	va = strtoull(argv[2], NULL, 16);
	end = strtoull(argv[3], NULL, 16);
	snprintf(path, sizeof(path), "/proc/%s/pagemap", argv[1]);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	while (va < end) {
		uint64_t wanted = (end - va) / PAGE;
		ssize_t n;

		if (wanted > MANY)
			wanted = MANY;
		n = pread(fd, entries, wanted * 8, va / PAGE * 8);
		if (n <= 0) {
			perror(path);
			return 1;
		}
		for (ssize_t i = 0; i < n / 8; i++, va += PAGE) {
			uint64_t frame = (entries[i] & FRAME) * PAGE;

			if (!(entries[i] & PRESENT)) {
				if (next > start)
					printf("%#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n",
					       start, next, pa);
				start = next = 0;
			} else if (next > start && next == va &&
				   pa + (va - start) == frame) {
				next += PAGE;
			} else {
				if (next > start)
					printf("%#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n",
					       start, next, pa);
				start = va;
				next = va + PAGE;
				pa = frame;
			}
		}
	}
	if (next > start)
		printf("%#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n", start, next, pa);
	return 0;
}
