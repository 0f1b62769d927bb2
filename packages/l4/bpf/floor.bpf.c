// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What benchmarks compare with: the least that a forwarding program, and one that keeps flows, can do; and
 * a source of packets of many flows, which runs in the kernel, so that caches hold what they hold on a busy
 * interface.
 */
#include "packet.h"

/* Bytes of a frame of the series: the headers, padded to a multiple of 8. */
#define FRAME_BYTES 64
/* Flows of one client address. */
#define PORTS_OF_CLIENT 16384
#define FIRST_PORT 1024
#define FIRST_SERVICE 80

/* The packets to be made: one frame, with the client's address and port of flow after flow. */
struct series {
	__u64 frame[FRAME_BYTES / 8];
	__u32 next;
	__u32 mask; /* flows - 1; their number is a power of two */
	__u32 stride; /* odd: visits each flow once before any twice */
	__u32 client; /* first address, host order */
	__u32 services; /* ports that the flows go to, from FIRST_SERVICE on */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct series);
} series SEC(".maps");

/* The program that gets the packets. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} subject SEC(".maps");

/* As the connection table of the data plane. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, L4_MAX_FLOWS);
	__type(key, struct l4_flow_key);
	__type(value, struct l4_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l4_flow);
} draft SEC(".maps");

/* Swaps the MAC addresses and sends back. */
SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	struct eth_header *eth = (void *)(long)ctx->data;
	__u8 mac[6];

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	__builtin_memcpy(mac, eth->dst, sizeof(mac));
	__builtin_memcpy(eth->dst, eth->src, sizeof(eth->dst));
	__builtin_memcpy(eth->src, mac, sizeof(eth->src));
	return XDP_TX;
}

/* Tuple of a frame with an IPv4 header of 20 bytes, and its MAC addresses swapped. */
static __always_inline int read_tuple(struct xdp_md *ctx, struct l4_flow_key *key)
{
	struct ip4_header *ip = (void *)(long)ctx->data + sizeof(struct eth_header);
	struct tcp_header *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return -1;
	__builtin_memset(key, 0, sizeof(*key));
	set_v4(&key->src, ip->src);
	set_v4(&key->dst, ip->dst);
	key->sport = tcp->sport;
	key->dport = tcp->dport;
	key->protocol = ip->protocol;
	return 0;
}

static __always_inline struct l4_flow *draft_value(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&draft, &zero);
}

/* What every program that knows flows does with each packet. */
SEC("xdp")
int find_flow(struct xdp_md *ctx)
{
	struct l4_flow_key key;

	if (read_tuple(ctx, &key))
		return XDP_PASS;
	return bpf_map_lookup_elem(&flows, &key) ? XDP_TX : XDP_DROP;
}

/* What every program that keeps flows does with the first packet of one. */
SEC("xdp")
int add_flow(struct xdp_md *ctx)
{
	struct l4_flow *flow = draft_value();
	struct l4_flow_key key;

	if (!flow || read_tuple(ctx, &key))
		return XDP_PASS;
	if (bpf_map_lookup_elem(&flows, &key))
		return XDP_DROP;
	return bpf_map_update_elem(&flows, &key, flow, BPF_NOEXIST) ? XDP_DROP : XDP_TX;
}

/* The same with an entry for each direction. */
SEC("xdp")
int add_flow_pair(struct xdp_md *ctx)
{
	struct l4_flow *flow = draft_value();
	struct l4_flow_key key, reply;

	if (!flow || read_tuple(ctx, &key))
		return XDP_PASS;
	if (bpf_map_lookup_elem(&flows, &key))
		return XDP_DROP;
	reply.src = key.dst;
	reply.dst = key.src;
	reply.sport = key.dport;
	reply.dport = key.sport;
	reply.protocol = key.protocol;
	reply.zone = 0;
	reply.zero = 0;
	if (bpf_map_update_elem(&flows, &reply, flow, BPF_NOEXIST))
		return XDP_DROP;
	return bpf_map_update_elem(&flows, &key, flow, BPF_NOEXIST) ? XDP_DROP : XDP_TX;
}

/* Writes the next packet of the series over the frame and hands it to the subject. */
SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u32 zero = 0, bytes = ctx->data_end - ctx->data, index, i;
	struct series *s = bpf_map_lookup_elem(&series, &zero);
	struct tcp_header *tcp;
	struct ip4_header *ip;
	__u64 *frame;

	/* The subject may have left a header in front of the last packet. */
	if (!s || (bytes != FRAME_BYTES && bpf_xdp_adjust_head(ctx, (int)bytes - FRAME_BYTES)))
		return XDP_ABORTED;
	frame = (void *)(long)ctx->data;
	if ((void *)frame + FRAME_BYTES > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
#pragma unroll
	for (i = 0; i < FRAME_BYTES / 8; i++)
		frame[i] = s->frame[i];
	index = s->next++ * s->stride & s->mask;
	ip = (void *)frame + sizeof(struct eth_header);
	tcp = (void *)(ip + 1);
	ip->src = bpf_htonl(s->client + index / PORTS_OF_CLIENT);
	tcp->sport = bpf_htons(FIRST_PORT + index % PORTS_OF_CLIENT);
	tcp->dport = bpf_htons(FIRST_SERVICE + index % s->services);
	bpf_tail_call(ctx, &subject, 0);
	return XDP_ABORTED;
}

/* In and out of a walk. */
struct walk {
	__u32 state; /* that each flow gets; 0 leaves them as they are */
	__u32 entries;
};

static long visit(void *map, const struct l4_flow_key *key, struct l4_flow *flow, struct walk *walk)
{
	if (walk->state)
		flow->state = walk->state;
	/* Reads the value, as everything does that looks for old flows. */
	walk->entries += flow->last_ns != 1;
	return 0;
}

/* The least that a collection of old flows can do. */
SEC("syscall")
int walk_flows(struct walk *context)
{
	struct walk walk = { .state = context->state };

	bpf_for_each_map_elem(&flows, visit, &walk, 0);
	context->entries = walk.entries;
	return 0;
}

char program_license[] SEC("license") = "Dual MIT/GPL";
