// SPDX-License-Identifier: GPL-2.0
/*
 * clients runs PID START END: prints the physically contiguous runs of a range
 * as `START END PA`, from bulk reads of /proc/PID/pagemap: what a C programmer
 * writes where there is no /proc/memintro/extents.
 *
 * clients ask FILE QUESTION: prints the answer of a conversation.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096ULL
#define PRESENT (1ULL << 63)
#define FRAME ((1ULL << 55) - 1)
#define MANY 65536

static uint64_t entries[MANY], start, next, pa;

static void print_run(void)
{
	if (next > start)
		printf("%#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n", start, next, pa);
	start = next = 0;
}

static int ask(const char *file, const char *question)
{
	int fd = open(file, O_RDWR);
	ssize_t n = dprintf(fd, "%s\n", question);

	while (n > 0 && (n = read(fd, entries, sizeof(entries))) > 0)
		n = write(STDOUT_FILENO, entries, n);
	if (n < 0)
		perror(file);
	return n < 0;
}

int main(int argc, char **argv)
{
	uint64_t va, end;
	char path[64];
	int fd;

	if (argc == 4 && !strcmp(argv[1], "ask"))
		return ask(argv[2], argv[3]);
	if (argc != 5)
		return 2;
	va = strtoull(argv[3], NULL, 16);
	end = strtoull(argv[4], NULL, 16);
	snprintf(path, sizeof(path), "/proc/%s/pagemap", argv[2]);
	fd = open(path, O_RDONLY);
	while (va < end) {
		uint64_t wanted = (end - va) / PAGE < MANY ? (end - va) / PAGE : MANY;
		ssize_t n = pread(fd, entries, wanted * 8, va / PAGE * 8);

		if (n <= 0) {
			perror(path);
			return 1;
		}
		for (ssize_t i = 0; i < n / 8; i++, va += PAGE) {
			uint64_t frame = (entries[i] & FRAME) * PAGE;

			if (!(entries[i] & PRESENT)) {
				print_run();
				continue;
			}
			if (next != va || pa + (va - start) != frame) {
				print_run();
				start = va;
				pa = frame;
			}
			next = va + PAGE;
		}
	}
	print_run();
	return 0;
}
