// SPDX-License-Identifier: GPL-2.0
/*
 * A task iterator that prints the columns of /proc/memintro/tasks: reading the
 * file that it is pinned to runs it.
 *
 * Fields are found by the running kernel's BTF (CO-RE); only those used are
 * declared.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cred {
	struct {
		unsigned int val;
	} euid;
};

struct signal_struct {
	int nr_threads;
};

struct task_struct {
	unsigned int __state;
	int exit_state;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	const struct cred *real_cred;
	struct signal_struct *signal;
	char comm[16];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

/* As task_index_to_char() has them. */
static const char letters[] = "RSDTtXZPI";

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	unsigned int state, bit, index = 0;

	if (!task || task->pid != task->tgid)
		return 0;
	if (ctx->meta->seq_num == 0)
		BPF_SEQ_PRINTF(seq, "PID PPID UID STATE THREADS COMM\n");

	state = (task->__state | task->exit_state) & 0x7f;
	if (task->__state == 0x402) {
		index = 8;
	} else {
		for (bit = 0; bit < 7; bit++)
			if (state & (1 << bit))
				index = bit + 1;
	}
	BPF_SEQ_PRINTF(seq, "%d %d %u %c %d %s\n", task->tgid,
		       task->real_parent->tgid, task->real_cred->euid.val,
		       letters[index],
		       task->signal->nr_threads, task->comm);
	return 0;
}
