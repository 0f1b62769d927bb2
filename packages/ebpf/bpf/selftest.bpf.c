// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * One object with everything the loader has to cope with: every kind of map, variables, subprograms
 * within and across sections, call-backs, tail calls, CO-RE, types of every shape. The tests load and
 * run it.
 */
#include "include/bpf.h"

#define preserve_access_index __attribute__((preserve_access_index))

enum colour {
	RED = 1,
	GREEN = 2,
	BLUE = -1,
};

struct nested {
	__u16 low;
	__u16 high;
};

/* A value of every shape the codecs know. */
struct shapes {
	__u8 tiny;
	__s16 small;
	__u32 medium;
	__s64 large;
	__be16 port;
	__be32 address4;
	_Bool flag;
	enum colour colour;
	__u8 mac[6];
	char label[8];
	struct nested pairs[2];
	struct {
		__u32 inner_first;
		union {
			__u32 whole;
			struct nested halves;
		};
	};
	__u32 three_bits : 3;
	__s32 signed_bits : 5;
	__u64 wide_bits : 40;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct nested);
	__type(value, struct shapes);
} shapes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u32);
} lru SEC(".maps");

struct prefix {
	__u32 length;
	__be32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} prefixes SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, __u32);
};

struct inner first_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} tables SEC(".maps") = {
	.values = { [1] = &first_inner },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} named_tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u32);
} kept SEC(".maps");

int stage_two(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} stages SEC(".maps") = {
	.values = { [1] = &stage_two },
};

const volatile __u32 threshold = 7;
volatile __u64 seen;
volatile __u32 limit = 40;

/* A subprogram in .text; called from programs and from another subprogram. */
static __noinline __u32 add(__u32 a, __u32 b)
{
	return a + b + (limit & 1);
}

static __noinline __u32 add_twice(__u32 a, __u32 b)
{
	return add(add(a, b), b);
}

static long sum_up(__u32 index, void *context)
{
	*(__u64 *)context += index;
	return 0;
}

/* Returns threshold + 2 * limit, and leaves the sum 0 + .. + 9 in array[0]. */
SEC("xdp")
int compute(struct xdp_md *ctx)
{
	__u64 sum = 0;
	__u32 zero = 0;
	__u64 *slot;

	seen++;
	bpf_loop(10, sum_up, &sum, 0);
	slot = bpf_map_lookup_elem(&array, &zero);
	if (slot)
		*slot = sum;
	return add_twice(threshold, limit);
}

struct event {
	__u32 number;
	__u32 length;
};

/* Writes one record per run, and discards every third. */
SEC("xdp/record")
int record(struct xdp_md *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return XDP_ABORTED;
	event->number = (__u32)__sync_fetch_and_add(&seen, 1);
	event->length = ctx->data_end - ctx->data;
	if (event->number % 3 == 2)
		bpf_ringbuf_discard(event, 0);
	else
		bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

SEC("xdp/stage_one")
int stage_one(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &stages, 1);
	return XDP_ABORTED;
}

SEC("xdp/stage_two")
int stage_two(struct xdp_md *ctx)
{
	return XDP_TX;
}

/* Looks a number up in the map that tables[1] holds. */
SEC("xdp/table")
int table(struct xdp_md *ctx)
{
	__u32 outer = 1, index = 1, *value;
	void *map = bpf_map_lookup_elem(&tables, &outer);

	if (!map)
		return XDP_ABORTED;
	value = bpf_map_lookup_elem(map, &index);
	return value ? *value : XDP_ABORTED;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	return skb->len > 60 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

struct sum_arguments {
	__u32 a;
	__u32 b;
	__u64 sum;
};

SEC("syscall")
int sum_in_kernel(struct sum_arguments *arguments)
{
	arguments->sum = (__u64)arguments->a + arguments->b;
	return 3;
}

/* Kernel types as this object remembers them: members in another order, and one that never was. */
struct task_struct {
	int pid;
	int tgid;
	unsigned long long invented_member;
} preserve_access_index;

struct file_that_never_was {
	int nothing;
} preserve_access_index;

enum bpf_map_type___local {
	BPF_MAP_TYPE_SOCKMAP___local = 1000,
};

volatile __u32 pid_offset;
volatile __u32 pid_exists;
volatile __u32 invented_exists;
volatile __u32 task_bytes;
volatile __u32 missing_type_exists;
volatile __u64 sockmap_number;

SEC("syscall/core")
int read_layout(void *context)
{
	struct task_struct *task = NULL;

	pid_offset = __builtin_preserve_field_info(task->pid, 0);
	pid_exists = __builtin_preserve_field_info(task->pid, 2);
	invented_exists = __builtin_preserve_field_info(task->invented_member, 2);
	task_bytes = __builtin_preserve_type_info(*(struct task_struct *)0, 1);
	missing_type_exists = __builtin_preserve_type_info(*(struct file_that_never_was *)0, 0);
	sockmap_number = __builtin_preserve_enum_value(
		*(typeof(enum bpf_map_type___local) *)BPF_MAP_TYPE_SOCKMAP___local, 1);
	return 0;
}

char program_license[] SEC("license") = "Dual MIT/GPL";
