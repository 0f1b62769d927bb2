/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Parsing. Headers are read where they are; what later steps need goes into the packet's record. Lengths
 * come from the IP header, so padding of short frames is never taken for payload.
 */
#ifndef BALANCER_L4_PARSE_H
#define BALANCER_L4_PARSE_H

#include "ctx.h"
#include "vlan.h"

enum parse_result {
	PARSED = 0,
	PARSE_PASS = 1, /* nothing for us */
	PARSE_BAD = 2,  /* claims to be IP and is damaged */
	PARSE_ICMP = 3,
	PARSE_LATER = 4, /* a fragment without ports */
	PARSE_TAGGED = 5, /* in a frame with a VLAN tag */
};

/* IPv6 extension headers that are walked before the packet counts as something else. */
#define EXTENSIONS_MAX 6

static __always_inline int parse_ports(struct packet *p, void *data, void *end, __u32 offset,
				       __u32 content_bytes)
{
	struct udp_header *udp = data + offset;
	struct tcp_header *tcp = data + offset;
	__u32 tcp_bytes;

	if (p->key.protocol == IPPROTO_UDP) {
		if (content_bytes < sizeof(*udp) || (void *)(udp + 1) > end)
			return PARSE_BAD;
		p->tcp_flags = 0;
		p->l4_header_bytes = sizeof(*udp);
	} else {
		if (content_bytes < sizeof(*tcp) || (void *)(tcp + 1) > end)
			return PARSE_BAD;
		tcp_bytes = (tcp->doff >> 4) * 4;
		if (tcp_bytes < sizeof(*tcp) || tcp_bytes > content_bytes)
			return PARSE_BAD;
		p->tcp_flags = tcp->flags;
		p->l4_header_bytes = tcp_bytes;
	}
	p->key.sport = udp->sport;
	p->key.dport = udp->dport;
	p->l4_offset = offset;
	return PARSED;
}

/* Later fragments are content throughout. */
static __always_inline int parse_later(struct packet *p, __u32 offset)
{
	p->l4_offset = offset;
	p->l4_header_bytes = 0;
	p->tcp_flags = 0;
	return PARSE_LATER;
}

/* Of protocols without ports only ICMP can be about a flow of ours, or one itself. */
static __always_inline int parse_other(struct packet *p, __u8 icmp, __u32 offset)
{
	p->l4_offset = offset;
	if (p->key.protocol != icmp)
		return PARSE_PASS;
	return p->fragment == FRAGMENT_LATER ? parse_later(p, offset) : PARSE_ICMP;
}

static __always_inline int parse_ip4(struct packet *p, void *data, void *end, __u32 frame_bytes)
{
	struct ip4_header *ip = data + sizeof(struct eth_header);
	__u32 header_bytes, total_bytes;

	if (unlikely((void *)(ip + 1) > end))
		return PARSE_BAD;
	header_bytes = (ip->version_ihl & 0xf) * 4;
	total_bytes = bpf_ntohs(ip->total_length);
	if (unlikely(ip->version_ihl >> 4 != 4 || header_bytes < sizeof(*ip) ||
		     total_bytes < header_bytes ||
		     sizeof(struct eth_header) + total_bytes > frame_bytes))
		return PARSE_BAD;
	if (unlikely(ip->fragment & bpf_htons(IP_FRAGMENT_MASK))) {
		p->fragment = ip->fragment & bpf_htons(IP_OFFSET_MASK) ? FRAGMENT_LATER :
									 FRAGMENT_FIRST;
		p->fragment_id = ip->id;
	}
	set_v4(&p->key.src, ip->src);
	set_v4(&p->key.dst, ip->dst);
	p->key.protocol = ip->protocol;
	p->family = 4;
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->total_bytes = total_bytes;
	if (unlikely(ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP))
		return parse_other(p, IPPROTO_ICMP, sizeof(struct eth_header) + header_bytes);
	if (unlikely(p->fragment == FRAGMENT_LATER))
		return parse_later(p, sizeof(struct eth_header) + header_bytes);
	return parse_ports(p, data, end, sizeof(struct eth_header) + header_bytes,
			   total_bytes - header_bytes);
}

/* A fragment header may also say that the packet is whole (RFC 6946). */
static __always_inline void note_fragment(struct packet *p, const struct fragment_header *header)
{
	p->fragment_id = header->id;
	if (header->offset & bpf_htons(IP6_OFFSET_MASK))
		p->fragment = FRAGMENT_LATER;
	else if (header->offset & bpf_htons(IP6_MORE))
		p->fragment = FRAGMENT_FIRST;
}

static __always_inline int parse_ip6(struct packet *p, void *data, void *end, __u32 frame_bytes)
{
	struct ip6_header *ip = data + sizeof(struct eth_header);
	__u32 offset = sizeof(struct eth_header) + sizeof(*ip);
	__u32 total_bytes, ip_end;
	__u8 next, *extension;
	int i;

	if (unlikely((void *)(ip + 1) > end))
		return PARSE_BAD;
	total_bytes = bpf_ntohs(ip->payload_length) + sizeof(*ip);
	if (unlikely((ip->version_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000) ||
		     sizeof(struct eth_header) + total_bytes > frame_bytes))
		return PARSE_BAD;
	ip_end = sizeof(struct eth_header) + total_bytes;
	next = ip->next;
#pragma unroll
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		if (likely(next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
			   next != IPPROTO_DSTOPTS && next != IPPROTO_FRAGMENT))
			break;
		extension = data + offset;
		if ((void *)(extension + 8) > end)
			return PARSE_BAD;
		if (next == IPPROTO_FRAGMENT) {
			note_fragment(p, (void *)extension);
			offset += sizeof(struct fragment_header);
		} else {
			offset += (extension[1] + 1) * 8;
		}
		next = extension[0];
		if (offset > ip_end)
			return PARSE_BAD;
		/* What follows is in the middle of something. */
		if (p->fragment == FRAGMENT_LATER)
			break;
	}
	__builtin_memcpy(&p->key.src, ip->src, sizeof(p->key.src));
	__builtin_memcpy(&p->key.dst, ip->dst, sizeof(p->key.dst));
	p->key.protocol = next;
	p->family = 6;
	p->tos = bpf_ntohl(ip->version_class_label) >> 20;
	p->ttl = ip->hop_limit;
	p->total_bytes = total_bytes;
	if (unlikely(next != IPPROTO_TCP && next != IPPROTO_UDP))
		return parse_other(p, IPPROTO_ICMPV6, offset);
	if (unlikely(p->fragment == FRAGMENT_LATER))
		return parse_later(p, offset);
	return parse_ports(p, data, end, offset, ip_end - offset);
}

static __always_inline int parse(struct packet *p, const ctx_t *ctx)
{
	void *data = ctx_data(ctx), *end = ctx_end(ctx);
	__u32 frame_bytes = ctx_bytes(ctx);
	struct eth_header *eth = data;

	if (unlikely((void *)(eth + 1) > end))
		return PARSE_PASS;
	/* Broadcast and multicast. */
	if (unlikely(eth->dst[0] & 1))
		return PARSE_PASS;
	p->key.zone = p->vlan;
	p->key.zero = 0;
	if (likely(eth->type == bpf_htons(ETH_P_IP)))
		return parse_ip4(p, data, end, frame_bytes);
	if (eth->type == bpf_htons(ETH_P_IPV6))
		return parse_ip6(p, data, end, frame_bytes);
	return eth->type == bpf_htons(ETH_P_8021Q) ? PARSE_TAGGED : PARSE_PASS;
}

/* A frame whose tag is in it. */
static __noinline int parse_tagged(ctx_t *ctx, struct packet *p)
{
	int parsed;

	if (take_tag(ctx, p))
		return PARSE_PASS;
	parsed = parse(p, ctx);
	return parsed == PARSE_TAGGED ? PARSE_PASS : parsed;
}

#endif
