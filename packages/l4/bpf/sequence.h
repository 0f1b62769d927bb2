/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Shifting of sequence numbers. The two ends of a flow count differently when we answered the client before
 * there was a backend, or put bytes into what it sends. Each entry of such a flow has what is added to the
 * numbers and to the acknowledgements of its direction's segments, modulo 2^32; what the acknowledgements
 * of one direction lose the numbers of the other one gain.
 */
#ifndef BALANCER_L4_SEQUENCE_H
#define BALANCER_L4_SEQUENCE_H

#include "output.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_SACK 5
#define OPTIONS_MAX 40
/* Edges of the four blocks that fit (RFC 2018). */
#define SACK_EDGES 8
/* NOP, NOP, a timestamp of ten bytes: in most segments these are all options (RFC 7323, A). */
#define ALIGNED_TIMESTAMP 0x0101080a

/* Options of a segment, and where a walk over them is: in the map, so that the verifier does not follow the
 * numbers from step to step. Behind the answer of the routing table, which is used after the packet is
 * rewritten. */
struct option_work {
	struct route_answer route;
	__u32 length; /* of all options, bytes */
	__u32 at;
	__u32 end; /* of the option that was found; 0 = none */
	__u32 wanted; /* its kind */
	__u32 delta;
	__u64 changed;
	/* More than there are, so that a word may begin at every index below 64. */
	__u8 bytes[68];
};

/* A number of four bytes that may stand at any place. */
struct unaligned {
	__be32 value;
} __packed;

struct unaligned16 {
	__be16 value;
} __packed;

/* What a change of two or four bytes at an offset does to a sum: at odd ones the bytes of each word are the other
 * way round (RFC 1071, 2 B). */
static __always_inline __u64 changed_at(__u32 offset, __be32 from, __be32 to)
{
	__u16 sum = csum_fold(csum_replaced(from, to));

	return offset & 1 ? __builtin_bswap16(sum) : sum;
}

static __always_inline struct option_work *option_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_work, &zero);
}

/* Reads the option that the walk is at, and goes past it. Returns its length, 0 behind the last. */
static __always_inline __u32 next_option(struct option_work *work, __u8 *kind)
{
	__u32 at = work->at, length = 1;

	if (at >= work->length)
		return 0;
	*kind = work->bytes[at & 63];
	if (*kind == OPTION_END)
		return 0;
	if (*kind != OPTION_NOP) {
		length = work->bytes[(at & 63) + 1];
		/* Contradicts itself. */
		if (length < 2 || at + length > work->length)
			return 0;
	}
	work->at = at + length;
	return length;
}

/* Looks at one option, until it is the wanted one; work->at is then behind its length. */
static long find_option(__u32 index, void *context)
{
	struct option_work *work = option_work();
	__u32 length;
	__u8 kind;

	if (!work)
		return 1;
	length = next_option(work, &kind);
	if (!length)
		return 1;
	if (kind != work->wanted)
		return 0;
	work->end = work->at;
	work->at += 2 - length;
	return 1;
}

/* Searches the options of a segment. Returns NULL when the wanted one is not among them. */
static __noinline struct option_work *options_with(ctx_t *ctx, const struct packet *p, __u32 wanted)
{
	__u32 bytes = p->l4_header_bytes - sizeof(struct tcp_header);
	struct option_work *work = option_work();

	if (!work || !bytes || bytes > OPTIONS_MAX)
		return NULL;
	if (ctx_load(ctx, p->l4_offset + sizeof(struct tcp_header), work->bytes, bytes))
		return NULL;
	if (bytes == 12 && *(__be32 *)work->bytes == bpf_htonl(ALIGNED_TIMESTAMP))
		return NULL;
	work->length = bytes;
	work->at = 0;
	work->end = 0;
	work->wanted = wanted;
	bpf_loop(OPTIONS_MAX, find_option, NULL, 0);
	return work->end ? work : NULL;
}

/* Shifts one edge of a block, until the end of the option. */
static long shift_edge(__u32 index, void *context)
{
	struct option_work *work = option_work();
	struct unaligned *edge;
	__be32 from;
	__u32 at;

	if (!work)
		return 1;
	at = work->at;
	if (at + sizeof(*edge) > work->end)
		return 1;
	edge = (void *)(work->bytes + (at & 63));
	from = edge->value;
	edge->value = bpf_htonl(bpf_ntohl(from) + work->delta);
	work->changed += changed_at(at, from, edge->value);
	work->at = at + sizeof(*edge);
	return 0;
}

/* Adds delta to the edges of the blocks in the option that was found. Returns what that changes in a sum. */
static __noinline __u64 shift_edges(ctx_t *ctx, const struct packet *p, struct option_work *work, __u32 delta)
{
	__u32 bytes = work->length;

	work->delta = delta;
	work->changed = 0;
	bpf_loop(SACK_EDGES, shift_edge, NULL, 0);
	if (!bytes || bytes > OPTIONS_MAX ||
	    ctx_replace(ctx, p->l4_offset + sizeof(struct tcp_header), work->bytes, bytes))
		return 0;
	return work->changed;
}

/* Shifts what a segment acknowledges selectively. Returns what that changes in a sum over it. */
static __always_inline __u64 shift_sack(ctx_t *ctx, const struct packet *p, __u32 delta)
{
	struct option_work *work = options_with(ctx, p, OPTION_SACK);

	return work ? shift_edges(ctx, p, work, delta) : 0;
}

/* A window that its sender counts in units of 2^from bytes, in those of 2^to that its receiver was told. */
static __always_inline __be16 rescale(__be16 window, __u8 from, __u8 to)
{
	__u32 units = (__u32)bpf_ntohs(window) << (from & 15) >> (to & 15);

	return bpf_htons(units > 0xffff ? 0xffff : units);
}

/* Shifts a segment of a flow with L4_FLOW_SEQ_ADJUSTED. Returns 0, or -1 when the packet cannot be written. */
__noinline int adjust_sequence(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	struct tcp_header tcp;
	__u64 changed;
	__be32 from;
	__be16 window;

	if (!p || !flow || ctx_load(ctx, p->l4_offset, &tcp, sizeof(tcp)))
		return -1;
	from = tcp.seq;
	tcp.seq = bpf_htonl(bpf_ntohl(from) + flow->seq_delta);
	changed = csum_replaced(from, tcp.seq);
	/* Without the flag the field means nothing. */
	if (tcp.flags & TCP_ACK) {
		from = tcp.ack;
		tcp.ack = bpf_htonl(bpf_ntohl(from) + flow->ack_delta);
		changed += csum_replaced(from, tcp.ack);
	}
	/* Windows of handshakes are never scaled (RFC 7323, 2.2). */
	if (flow->wscale_rs != flow->wscale_lb && !(tcp.flags & TCP_SYN)) {
		window = tcp.window;
		tcp.window = rescale(window, flow->wscale_rs, flow->wscale_lb);
		changed += csum_replaced(window, tcp.window);
	}
	if (ctx_replace(ctx, p->l4_offset, &tcp, sizeof(tcp)))
		return -1;
	if (flow->ack_delta && tcp.flags & TCP_ACK && p->l4_header_bytes > sizeof(tcp))
		changed += shift_sack(ctx, p, flow->ack_delta);
	return ctx_fix_tcp(ctx, p, changed);
}

#endif
