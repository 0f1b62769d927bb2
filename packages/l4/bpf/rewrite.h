/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Rewriting of packets. Checksums are updated from the differences (RFC 1624), so the payload is never
 * read.
 */
#ifndef BALANCER_L4_REWRITE_H
#define BALANCER_L4_REWRITE_H

#include "ctx.h"
#include "sequence.h"

#define TUNNEL_TTL 64

/* Takes one hop off the TTL of an IPv4 header. Returns what that changes in its checksum. */
static __always_inline __u64 decrement_ttl4(struct ip4_header *ip)
{
	ip->ttl--;
	return csum_replaced(1, 0);
}

/* Puts the addresses of the entry into an IPv4 header and takes one hop. Returns what the addresses
 * change in a checksum that covers them, in *replaced. */
static __always_inline int rewrite_ip4(ctx_t *ctx, const struct l4_flow *flow, __u64 *replaced)
{
	struct ip4_header *ip = ctx_data(ctx) + sizeof(struct eth_header);

	if ((void *)(ip + 1) > ctx_end(ctx))
		return -1;
	*replaced = csum_replaced(ip->src, flow->new_src.words[3]) +
		    csum_replaced(ip->dst, flow->new_dst.words[3]);
	ip->src = flow->new_src.words[3];
	ip->dst = flow->new_dst.words[3];
	ip->checksum = csum_apply(ip->checksum, *replaced + decrement_ttl4(ip));
	return 0;
}

/* Puts the identifier of the entry into an echo, and into its checksum; only that of ICMPv6 covers the
 * addresses, which changed by replaced. */
__noinline int rewrite_echo(ctx_t *ctx, const struct packet *p, const struct l4_flow *flow, __u64 replaced)
{
	__u16 before, after;

	if (!p || !flow)
		return -1;
	/* The other one is 0. */
	before = p->key.sport | p->key.dport;
	after = flow->new_sport | flow->new_dport;
	if (ctx_replace(ctx, p->l4_offset + __builtin_offsetof(struct echo_header, id), &after,
			sizeof(after)))
		return -1;
	return ctx_fix_echo(ctx, p, p->family == 6 ? replaced : 0, csum_replaced(before, after));
}

#ifdef L4_HOOK_TC

/* Hop limit and addresses of an IPv6 header, which stand side by side. */
struct ip6_tail {
	__u8 hop_limit;
	__be32 src[4];
	__be32 dst[4];
} __packed;

#define IP6_TAIL_OFFSET (sizeof(struct eth_header) + 7)

/* IPv6 has no checksum of its own that would absorb a change: a sum over the whole packet that the card
 * computed has to be told, which the helper does. */
static __noinline int rewrite_ip6(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
				  __u64 *replaced)
{
	struct ip6_tail tail;
	int i;

	*replaced = 0;
#pragma unroll
	for (i = 0; i < 4; i++)
		*replaced += csum_replaced(p->key.src.words[i], flow->new_src.words[i]) +
			     csum_replaced(p->key.dst.words[i], flow->new_dst.words[i]);
	tail.hop_limit = p->ttl - 1;
	__builtin_memcpy(tail.src, &flow->new_src, sizeof(tail.src));
	__builtin_memcpy(tail.dst, &flow->new_dst, sizeof(tail.dst));
	return bpf_skb_store_bytes(ctx, IP6_TAIL_OFFSET, &tail, sizeof(tail), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int decrement_hop6(ctx_t *ctx, struct packet *p)
{
	__u8 hop_limit = p->ttl - 1;

	return bpf_skb_store_bytes(ctx, IP6_TAIL_OFFSET, &hop_limit, 1, BPF_F_RECOMPUTE_CSUM);
}

/* Ports and L4 checksum. replaced is what the addresses changed in the pseudo header. */
static __always_inline int rewrite_l4(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
				      __u64 replaced)
{
	__u32 ports = flow->new_sport | (__u32)flow->new_dport << 16;
	__u64 changed = csum_replaced(p->key.sport, flow->new_sport) +
			csum_replaced(p->key.dport, flow->new_dport);
	int udp = p->key.protocol == IPPROTO_UDP;
	__u32 offset = p->l4_offset;

	if (feature(!udp && p->key.protocol != IPPROTO_TCP))
		return rewrite_echo(ctx, p, flow, replaced);
	if (bpf_skb_store_bytes(ctx, offset, &ports, sizeof(ports), 0))
		return -1;
	offset += udp ? __builtin_offsetof(struct udp_header, checksum) :
			__builtin_offsetof(struct tcp_header, checksum);
	return ctx_fix_l4(ctx, offset, replaced, changed, udp);
}

#else

static __noinline int rewrite_ip6(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
				  __u64 *replaced)
{
	struct ip6_header *ip = ctx_data(ctx) + sizeof(struct eth_header);
	int i;

	if ((void *)(ip + 1) > ctx_end(ctx))
		return -1;
	*replaced = 0;
#pragma unroll
	for (i = 0; i < 4; i++) {
		*replaced += csum_replaced(ip->src[i], flow->new_src.words[i]) +
			     csum_replaced(ip->dst[i], flow->new_dst.words[i]);
		ip->src[i] = flow->new_src.words[i];
		ip->dst[i] = flow->new_dst.words[i];
	}
	ip->hop_limit--;
	return 0;
}

static __always_inline int decrement_hop6(ctx_t *ctx, struct packet *p)
{
	struct ip6_header *ip = ctx_data(ctx) + sizeof(struct eth_header);

	if ((void *)(ip + 1) > ctx_end(ctx))
		return -1;
	ip->hop_limit--;
	return 0;
}

/* Ports and L4 checksum. replaced is what the addresses changed in the pseudo header. */
static __always_inline int rewrite_l4(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
				      __u64 replaced)
{
	void *end = ctx_end(ctx), *l4 = ctx_data(ctx) + (p->l4_offset & OFFSET_MASK);
	struct tcp_header *tcp = l4;
	struct udp_header *udp = l4;
	__u64 echoed = replaced;
	__u16 checksum;

	replaced += csum_replaced(p->key.sport, flow->new_sport);
	replaced += csum_replaced(p->key.dport, flow->new_dport);
	if (p->key.protocol == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > end)
			return -1;
		tcp->sport = flow->new_sport;
		tcp->dport = flow->new_dport;
		tcp->checksum = csum_apply(tcp->checksum, replaced);
		return 0;
	}
	if (feature(p->key.protocol != IPPROTO_UDP))
		return rewrite_echo(ctx, p, flow, echoed);
	if ((void *)(udp + 1) > end)
		return -1;
	udp->sport = flow->new_sport;
	udp->dport = flow->new_dport;
	/* Zero says "no checksum"; a computed zero is sent as all ones (RFC 768). */
	if (udp->checksum) {
		checksum = csum_apply(udp->checksum, replaced);
		udp->checksum = checksum ? checksum : 0xffff;
	}
	return 0;
}

#endif

/* NAT of addresses and ports, both directions: the entry says what the packet becomes. */
static __always_inline int rewrite_nat(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	__u64 replaced;

	if (p->family == 4 ? rewrite_ip4(ctx, flow, &replaced) : rewrite_ip6(ctx, p, flow, &replaced))
		return -1;
	if (feature(p->fragment == FRAGMENT_LATER))
		return 0;
	if (feature(flow->flags & L4_FLOW_SEQ_ADJUSTED) && adjust_sequence(ctx, p, flow))
		return -1;
	return rewrite_l4(ctx, p, flow, replaced);
}

/* Direct routing: only the TTL changes. */
static __always_inline int rewrite_dr(ctx_t *ctx, struct packet *p)
{
	struct ip4_header *ip = ctx_data(ctx) + sizeof(struct eth_header);

	if (p->family != 4)
		return decrement_hop6(ctx, p);
	if ((void *)(ip + 1) > ctx_end(ctx))
		return -1;
	ip->checksum = csum_apply(ip->checksum, decrement_ttl4(ip));
	return 0;
}

/* What an outer IP header says. */
struct outer {
	const struct addr16 *src;
	const struct addr16 *dst;
	__u32 hash; /* of the flow, for the label of IPv6 */
	__u16 bytes; /* behind it */
	__u8 protocol;
	__u8 tos;
};

static __always_inline void write_outer4(struct ip4_header *ip, const struct outer *outer)
{
	__be32 src = outer->src->words[3], dst = outer->dst->words[3];
	__u64 sum;

	ip->version_ihl = 0x45;
	ip->tos = outer->tos;
	ip->total_length = bpf_htons(outer->bytes + sizeof(*ip));
	ip->id = 0;
	ip->fragment = bpf_htons(IP_DF);
	ip->ttl = TUNNEL_TTL;
	ip->protocol = outer->protocol;
	ip->src = src;
	ip->dst = dst;
	sum = (__u64)src + dst + ip->total_length + bpf_htons(IP_DF);
	sum += *(__u16 *)&ip->version_ihl;
	sum += *(__u16 *)&ip->ttl;
	ip->checksum = ~csum_fold(sum);
}

static __always_inline void write_outer6(struct ip6_header *ip, const struct outer *outer)
{
	__u32 label = outer->hash & 0xfffff;

	ip->version_class_label = bpf_htonl(0x60000000 | (__u32)outer->tos << 20 | label);
	ip->payload_length = bpf_htons(outer->bytes);
	ip->next = outer->protocol;
	ip->hop_limit = TUNNEL_TTL;
	__builtin_memcpy(ip->src, outer->src, sizeof(ip->src));
	__builtin_memcpy(ip->dst, outer->dst, sizeof(ip->dst));
}

/* Writes the outer header into the room that was made for it. */
static __always_inline int write_outer(ctx_t *ctx, const struct outer *outer, int outer6)
{
	struct eth_header *eth = ctx_data(ctx);

	if ((void *)(eth + 1) + sizeof(struct ip6_header) > ctx_end(ctx))
		return -1;
	if (outer6) {
		eth->type = bpf_htons(ETH_P_IPV6);
		write_outer6((void *)(eth + 1), outer);
	} else {
		eth->type = bpf_htons(ETH_P_IP);
		write_outer4((void *)(eth + 1), outer);
	}
	return 0;
}

/* IPIP: a new header in front, the packet itself untouched. */
static __always_inline int encapsulate(ctx_t *ctx, struct packet *p, const struct addr16 *src,
				       const struct l4_backend *backend, __u32 hash)
{
	int outer6 = backend->family == 6;
	int room = outer6 ? sizeof(struct ip6_header) : sizeof(struct ip4_header);
	struct outer outer = {
		.src = src,
		.dst = &backend->address,
		.hash = hash,
		.bytes = p->total_bytes,
		.protocol = p->family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6,
		.tos = p->tos,
	};

	return ctx_grow_head(ctx, room, outer6) ? -1 : write_outer(ctx, &outer, outer6);
}

#endif
