/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The other end of a tunnel: takes the outer header off packets that were sent to an address of ours in
 * IPIP, and passes them up. For backends, and for balancers behind balancers.
 */
#ifndef BALANCER_L4_DECAP_H
#define BALANCER_L4_DECAP_H

#include "ctx.h"
#include "report.h"

/* What a tunnel packet consists of. */
struct tunnel_packet {
	struct addr16 dst;
	__u32 outer_bytes;
	__u8 inner6;
	__u8 outer6;
	__u8 ttl;
};

static __always_inline int find_outer4(struct tunnel_packet *t, const struct ip4_header *ip)
{
	if (ip->protocol != IPPROTO_IPIP && ip->protocol != IPPROTO_IPV6)
		return 0;
	if (ip->version_ihl != 0x45 || ip->fragment & bpf_htons(IP_FRAGMENT_MASK))
		return 0;
	set_v4(&t->dst, ip->dst);
	t->outer_bytes = sizeof(*ip);
	t->inner6 = ip->protocol == IPPROTO_IPV6;
	t->outer6 = 0;
	t->ttl = ip->ttl;
	return 1;
}

static __always_inline int find_outer6(struct tunnel_packet *t, const struct ip6_header *ip)
{
	if (ip->next != IPPROTO_IPIP && ip->next != IPPROTO_IPV6)
		return 0;
	__builtin_memcpy(&t->dst, ip->dst, sizeof(t->dst));
	t->outer_bytes = sizeof(*ip);
	t->inner6 = ip->next == IPPROTO_IPV6;
	t->outer6 = 1;
	t->ttl = ip->hop_limit;
	return 1;
}

/* Whether the frame is IPIP with a whole inner header of the version that the outer one announces. */
static __always_inline int find_tunnel(struct tunnel_packet *t, ctx_t *ctx)
{
	void *data = ctx_data(ctx), *end = ctx_end(ctx);
	struct eth_header *eth = data;
	struct ip6_header *ip6 = (void *)(eth + 1), *inner6;
	struct ip4_header *ip4 = (void *)(eth + 1), *inner4;

	if ((void *)(ip4 + 1) > end)
		return 0;
	if (eth->type == bpf_htons(ETH_P_IP)) {
		if (!find_outer4(t, ip4))
			return 0;
		inner6 = (void *)(ip4 + 1);
	} else if (eth->type == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= end) {
		if (!find_outer6(t, ip6))
			return 0;
		inner6 = (void *)(ip6 + 1);
	} else {
		return 0;
	}
	inner4 = (void *)inner6;
	if (!t->inner6)
		return (void *)(inner4 + 1) <= end && inner4->version_ihl >> 4 == 4;
	return (void *)(inner6 + 1) <= end && *(__u8 *)inner6 >> 4 == 6;
}

static __always_inline int decapsulate(ctx_t *ctx)
{
	struct packet packet = { .service = NO_SERVICE };
	struct tunnel_packet tunnel = {};
	struct eth_header *eth;
	__u8 macs[12];
	__be16 type;

	if (!ctx_prepare(ctx) || !find_tunnel(&tunnel, ctx) ||
	    !bpf_map_lookup_elem(&l4_decap, &tunnel.dst))
		return ctx_verdict(&packet, VERDICT_PASS);
	if (!tunnel.ttl) {
		packet.reason = L4_DROP_TTL;
		count_drop(&packet, ctx_bytes(ctx));
		return ctx_verdict(&packet, VERDICT_DROP);
	}
	if (ctx_load(ctx, 0, macs, sizeof(macs)) ||
	    ctx_shrink_head(ctx, tunnel.outer_bytes, tunnel.outer6, tunnel.inner6)) {
		packet.reason = L4_DROP_HELPER_ERROR;
		count_drop(&packet, ctx_bytes(ctx));
		return ctx_verdict(&packet, VERDICT_DROP);
	}
	type = tunnel.inner6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return ctx_verdict(&packet, VERDICT_DROP);
	__builtin_memcpy(eth, macs, sizeof(macs));
	eth->type = type;
	return ctx_verdict(&packet, VERDICT_PASS);
}

#endif
