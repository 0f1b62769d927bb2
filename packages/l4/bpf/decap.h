/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The other end of a tunnel: takes the outer headers off packets that were sent to an address of ours in
 * IPIP, GUE, GRE or VXLAN, and passes them up. For backends, and for balancers behind balancers. Outer checksums
 * are not looked at: those inside are, by who gets the packet.
 */
#ifndef BALANCER_L4_DECAP_H
#define BALANCER_L4_DECAP_H

#include "ctx.h"
#include "report.h"
#include "tunnel.h"

/* What a tunnel packet consists of. */
struct tunnel_packet {
	struct addr16 dst;
	__u32 outer_bytes;
	__u8 inner6;
	__u8 outer6;
	__u8 ttl;
	__u8 protocol; /* that the outer IP header names */
};

static __always_inline int find_outer4(struct tunnel_packet *t, const struct ip4_header *ip)
{
	if (ip->version_ihl != 0x45 || ip->fragment & bpf_htons(IP_FRAGMENT_MASK))
		return 0;
	set_v4(&t->dst, ip->dst);
	t->outer_bytes = sizeof(*ip);
	t->protocol = ip->protocol;
	t->outer6 = 0;
	t->ttl = ip->ttl;
	return 1;
}

static __always_inline int find_outer6(struct tunnel_packet *t, const struct ip6_header *ip)
{
	__builtin_memcpy(&t->dst, ip->dst, sizeof(t->dst));
	t->outer_bytes = sizeof(*ip);
	t->protocol = ip->next;
	t->outer6 = 1;
	t->ttl = ip->hop_limit;
	return 1;
}

/* Notes what is inside by an EtherType. Returns whether it is IP. */
static __always_inline int find_type(struct tunnel_packet *t, __be16 type)
{
	t->inner6 = type == bpf_htons(ETH_P_IPV6);
	return t->inner6 || type == bpf_htons(ETH_P_IP);
}

/* The same by a protocol number. */
static __always_inline int find_protocol(struct tunnel_packet *t, __u8 protocol)
{
	t->inner6 = protocol == IPPROTO_IPV6;
	return t->inner6 || protocol == IPPROTO_IPIP;
}

/* Headers between an outer UDP header and the packet, by port. Those with options are for the kernel. */
static __always_inline int find_in_udp(struct tunnel_packet *t, const struct tunnel_head *head, void *end,
				       const struct l4_tunnel_ports *ports)
{
	const __u8 *first = (const void *)(&head->udp + 1);
	__be16 port = head->udp.dport;

	if (port && port == ports->vxlan) {
		if ((void *)(&head->eth + 1) > end || !(head->vxlan.flags & bpf_htonl(VXLAN_HAS_VNI)))
			return 0;
		t->outer_bytes += tunnel_head_bytes(L4_TUNNEL_VXLAN);
		return find_type(t, head->eth.type);
	}
	if (!port || port != ports->gue || (void *)(&head->gue + 1) > end)
		return 0;
	if (*first >> 6) {
		/* Variant 1: what follows is a packet, whose version lies where the variant is. */
		t->outer_bytes += sizeof(head->udp);
		return find_protocol(t, *first >> 4 == 6 ? IPPROTO_IPV6 :
							   (*first >> 4 == 4 ? IPPROTO_IPIP : 0));
	}
	t->outer_bytes += tunnel_head_bytes(L4_TUNNEL_GUE);
	return !head->gue.version_length && !head->gue.flags && find_protocol(t, head->gue.protocol);
}

/* Whether there is a tunnel's head behind the outer IP header; it is part of outer_bytes then. */
static __always_inline int find_head(struct tunnel_packet *t, const struct tunnel_head *head, void *end,
				     const struct l4_tunnel_ports *ports)
{
	if (t->protocol == IPPROTO_IPIP || t->protocol == IPPROTO_IPV6)
		return find_protocol(t, t->protocol);
	if (t->protocol == IPPROTO_GRE) {
		if ((void *)(&head->gre + 1) > end || head->gre.flags)
			return 0;
		t->outer_bytes += sizeof(head->gre);
		return find_type(t, head->gre.type);
	}
	if (t->protocol != IPPROTO_UDP || (void *)(&head->udp + 1) > end)
		return 0;
	return find_in_udp(t, head, end, ports);
}

/* Whether the frame is a tunnel packet for one of our addresses with a whole inner header of the version that
 * the outer ones announce. */
static __always_inline int find_tunnel(struct tunnel_packet *t, ctx_t *ctx)
{
	void *data = ctx_data(ctx), *end = ctx_end(ctx);
	struct l4_tunnel_ports *ports;
	struct eth_header *eth = data;
	struct ip6_header *ip6 = (void *)(eth + 1);
	struct ip4_header *ip4 = (void *)(eth + 1);
	void *head, *inner;

	if ((void *)(ip4 + 1) > end)
		return 0;
	if (eth->type == bpf_htons(ETH_P_IP)) {
		if (!find_outer4(t, ip4))
			return 0;
		head = ip4 + 1;
	} else if (eth->type == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= end) {
		if (!find_outer6(t, ip6))
			return 0;
		head = ip6 + 1;
	} else {
		return 0;
	}
	ports = bpf_map_lookup_elem(&l4_decap, &t->dst);
	if (!ports || !find_head(t, head, end, ports))
		return 0;
	inner = data + sizeof(*eth) + (t->outer_bytes & 0x7f);
	if (!t->inner6)
		return inner + sizeof(struct ip4_header) <= end && *(__u8 *)inner >> 4 == 4;
	return inner + sizeof(struct ip6_header) <= end && *(__u8 *)inner >> 4 == 6;
}

static __always_inline int decapsulate(ctx_t *ctx)
{
	struct packet packet = { .service = NO_SERVICE };
	struct tunnel_packet tunnel = {};
	struct eth_header *eth;
	__u8 macs[12];
	__be16 type;

	if (!ctx_prepare(ctx) || !find_tunnel(&tunnel, ctx))
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
