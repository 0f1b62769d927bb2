/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Telling backends behind full NAT who the client is: putting bytes into its segments, behind the header (a TCP
 * option) or in front of the content (a header of the PROXY protocol). What is put in is decided before the way
 * is looked up, which has to know how large the packet becomes, and written after.
 */
#ifndef BALANCER_L4_CLIENT_ADDRESS_H
#define BALANCER_L4_CLIENT_ADDRESS_H

#include "flow.h"
#include "output.h"

/* Room for all options of a header, and for the largest PROXY header. */
#define INSERTED_MAX 64
/* How much is moved at a time, and how often, to make room in front of the content at tc. */
#define MOVED_BYTES 1024
#define MOVES_MAX 10
/* Nothing stands further behind the start of a frame when the content begins. */
#define HEADERS_MAX 512

/* What becomes of a segment; behind the answer of the routing table. */
struct insertion {
	struct route_answer route;
	__u32 gap; /* bytes by which the packet grows */
	__u32 at; /* where in the frame */
	__u32 before_bytes; /* what is replaced there, */
	__u32 after_bytes; /* and by how much */
	__u32 is_header; /* grows, instead of the content */
	__u32 shift; /* of the sequence number */
	/* A walk over options. */
	__u32 position;
	__u32 next; /* option begins here */
	__u32 kept; /* bytes that go to after[] */
	__u32 is_kept; /* the option that the walk is in */
	__u32 is_foreign; /* there is one that only we may send */
	__u32 pruning;
	__u8 before[INSERTED_MAX];
	__u8 after[INSERTED_MAX + 4];
	__u8 moved[MOVED_BYTES];
};

static __always_inline struct insertion *insertion(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_work, &zero);
}

/* Whether bytes can be put into a packet: the headers of those that the card is going to cut are not only its
 * own, and a fragment has no place for more. */
static __always_inline int may_grow(ctx_t *ctx, const struct packet *p)
{
	return p->fragment == FRAGMENT_NONE && ctx_segments(ctx) == 1 &&
	       content_bytes(p) <= MOVED_BYTES * MOVES_MAX;
}

/* The entry of a flow's other direction; NULL when it was evicted. */
static __noinline struct l4_flow *peer_of(const struct l4_flow *flow)
{
	struct l4_flow_key key;

	flow_peer_key(flow, IPPROTO_TCP, &key);
	return bpf_map_lookup_elem(&l4_ct, &key);
}

#ifdef L4_HOOK_TC

/* Makes room by moving what follows. The headers have to stay where they are, because the kernel remembers the
 * place of a checksum that it is going to finish. */
__noinline int open_gap(ctx_t *ctx, __u32 at, __u32 gap, __u32 end)
{
	struct insertion *in = insertion();
	__u32 left, bytes;
	int i;

	if (!in || at > end || ctx_resize(ctx, end + gap))
		return -1;
	left = end - at;
	for (i = 0; i < MOVES_MAX; i++) {
		if (!left)
			return 0;
		bytes = left < MOVED_BYTES ? left : MOVED_BYTES;
		left -= bytes;
		barrier_var(bytes);
		if (!bytes || bytes > MOVED_BYTES || ctx_load(ctx, at + left, in->moved, bytes) ||
		    ctx_store(ctx, at + left + gap, in->moved, bytes))
			return -1;
	}
	return left ? -1 : 0;
}

#else

/* Makes room by moving the headers to the front. */
__noinline int open_gap(ctx_t *ctx, __u32 at, __u32 gap, __u32 end)
{
	struct insertion *in = insertion();

	if (!in || !at || at > HEADERS_MAX || bpf_xdp_adjust_head(ctx, -(int)gap))
		return -1;
	barrier_var(at);
	if (!at || at > HEADERS_MAX || ctx_load(ctx, gap, in->moved, at) ||
	    ctx_store(ctx, 0, in->moved, at))
		return -1;
	return 0;
}

#endif

/* Adds to the length in the IP header. */
static __always_inline int lengthen_ip(ctx_t *ctx, const struct packet *p, __u32 gap)
{
	struct ip4_header *ip4 = ctx_data(ctx) + sizeof(struct eth_header);
	struct ip6_header *ip6 = (void *)ip4;
	__be16 from;

	if ((void *)(ip6 + 1) > ctx_end(ctx))
		return -1;
	if (p->family == 6) {
		ip6->payload_length = bpf_htons(bpf_ntohs(ip6->payload_length) + gap);
		return 0;
	}
	from = ip4->total_length;
	ip4->total_length = bpf_htons(bpf_ntohs(from) + gap);
	ip4->checksum = csum_apply(ip4->checksum, csum_replaced(from, ip4->total_length));
	return 0;
}

/* Changes a segment as its insertion says. Sums do not depend on where in a segment an even number of bytes
 * stands, so what moves need not be summed. Returns 0, or -1 when the packet cannot be written. */
__noinline int insert(ctx_t *ctx, struct packet *p)
{
	struct insertion *in = insertion();
	__u32 before, after, gap, bytes;
	struct tcp_header tcp;
	__u64 changed = 0;
	__be32 seq;
	__u16 bits;

	if (!p || !in)
		return -1;
	gap = in->gap;
	before = in->before_bytes;
	after = in->after_bytes;
	if (!after && !in->shift)
		return 0;
	if (before > INSERTED_MAX || after > INSERTED_MAX || gap > INSERTED_MAX)
		return -1;
	if (gap && (open_gap(ctx, in->at, gap, sizeof(struct eth_header) + p->total_bytes) ||
		    lengthen_ip(ctx, p, gap)))
		return -1;
	if (after) {
		if (ctx_replace(ctx, in->at, in->after, after))
			return -1;
		changed = (__u32)bpf_csum_diff((void *)in->before, before, (void *)in->after, after, 0);
	}
	if (ctx_load(ctx, p->l4_offset, &tcp, sizeof(tcp)))
		return -1;
	bits = *(__u16 *)&tcp.doff;
	if (gap && in->is_header)
		tcp.doff += gap / 4 << 4;
	else if (gap)
		tcp.flags |= TCP_PSH;
	seq = tcp.seq;
	tcp.seq = bpf_htonl(bpf_ntohl(seq) + in->shift);
	changed += csum_replaced(bits, *(__u16 *)&tcp.doff) + csum_replaced(seq, tcp.seq);
	if (ctx_replace(ctx, p->l4_offset, &tcp, sizeof(tcp)))
		return -1;
	bytes = p->total_bytes + sizeof(struct eth_header) - p->l4_offset;
	if (ctx_fix_grown(ctx, p, csum_replaced(bpf_htons(bytes), bpf_htons(bytes + gap)), changed))
		return -1;
	p->total_bytes += gap;
	if (in->is_header)
		p->l4_header_bytes += gap;
	return 0;
}

#endif
