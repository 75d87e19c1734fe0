// SPDX-License-Identifier: GPL-2.0
/*
 * ask FILE QUESTION: prints the answer of a conversation: memintro's client
 * where it is measured beside a program of C.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char answer[65536];

int main(int argc, char **argv)
{
	char path[64], question[300];
	int fd, length;
	ssize_t n;

	if (argc != 3) {
		fprintf(stderr, "usage: ask FILE QUESTION\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/memintro/%s", argv[1]);
	length = snprintf(question, sizeof(question), "%s\n", argv[2]);
	fd = open(path, O_RDWR);
	if (fd < 0 || write(fd, question, length) != length) {
		perror(path);
		return 1;
	}
	while ((n = read(fd, answer, sizeof(answer))) > 0) {
		if (write(STDOUT_FILENO, answer, n) != n) {
			perror("write");
			return 1;
		}
	}
	if (n < 0)
		perror(path);
	return n < 0;
}
