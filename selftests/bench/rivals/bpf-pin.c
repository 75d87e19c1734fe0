// SPDX-License-Identifier: GPL-2.0
/*
 * bpf-pin OBJECT FILE: loads the task iterator of OBJECT and pins it to FILE,
 * below a mount of bpffs, as `bpftool iter pin` does.
 */
#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	struct bpf_link *link;

	if (argc != 3) {
		fprintf(stderr, "usage: bpf-pin OBJECT FILE\n");
		return 2;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object)) {
		perror("bpf-pin: load");
		return 1;
	}
	program = bpf_object__next_program(object, NULL);
	link = bpf_program__attach_iter(program, NULL);
	if (!link || bpf_link__pin(link, argv[2])) {
		perror("bpf-pin: pin");
		return 1;
	}
	return 0;
}
