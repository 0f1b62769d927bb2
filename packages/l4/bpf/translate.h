/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * NAT64: packets of IPv6 clients become IPv4 for the backend, and its replies IPv6 again (RFC 7915). Only the
 * IP header is made anew. Of the checksum above it the pseudo header is replaced, so the payload is not read,
 * except for datagrams without a checksum, which IPv6 does not have.
 */
#ifndef BALANCER_L4_TRANSLATE_H
#define BALANCER_L4_TRANSLATE_H

#include "output.h"
#include "parse.h"
#include "rewrite.h"
#include "sum.h"

#define IP4_OPTIONS_MAX 40
#define IP4_OPTION_END 0
#define IP4_OPTION_NOP 1
#define IP4_OPTION_LOOSE_ROUTE 131
#define IP4_OPTION_STRICT_ROUTE 137

/* Behind what find_route keeps in the same place. */
struct translation {
	struct route_answer route;
	union {
		__u8 options[IP4_OPTIONS_MAX];
		struct ip4_header ip4;
		struct ip6_header ip6;
	};
	__u32 at; /* option that is looked at */
	__u32 options_bytes;
	__u32 has_source_route;
};

_Static_assert(sizeof(struct translation) <= SUM_KEPT_BYTES, "not kept while a datagram is summed");

static __always_inline struct translation *translation(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_work, &zero);
}

/* Bytes that a packet gains in the other family, where it has no options and no extension headers. */
static __always_inline int translation_bytes(const struct packet *p)
{
	int header_bytes = p->l4_offset - sizeof(struct eth_header);

	return (p->family == 4 ? sizeof(struct ip6_header) : sizeof(struct ip4_header)) - header_bytes;
}

/* Whether all extension headers are options for the way or the receiver, which can be left out. */
static __noinline int has_only_options(ctx_t *ctx, const struct packet *p)
{
	__u32 offset = sizeof(struct eth_header) + sizeof(struct ip6_header);
	struct {
		__u8 next;
		__u8 more_units; /* of 8 bytes */
	} header;
	__u8 next;
	int i;

	if (ctx_load(ctx, sizeof(struct eth_header) + __builtin_offsetof(struct ip6_header, next), &next,
		     sizeof(next)))
		return 0;
	for (i = 0; i < EXTENSIONS_MAX && offset < p->l4_offset; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS)
			return 0;
		if (ctx_load(ctx, offset, &header, sizeof(header)))
			return 0;
		next = header.next;
		offset += (header.more_units + 1) * 8;
	}
	return offset == p->l4_offset;
}

/* Looks at one option of an IPv4 header. */
static long look_at_option(__u32 index, void *context)
{
	struct translation *t = translation();
	__u32 at;
	__u8 kind, bytes;

	if (!t)
		return 1;
	at = t->at;
	if (at >= t->options_bytes || at > IP4_OPTIONS_MAX - 2)
		return 1;
	kind = t->options[at];
	bytes = t->options[at + 1];
	if (kind == IP4_OPTION_END)
		return 1;
	if (kind == IP4_OPTION_LOOSE_ROUTE || kind == IP4_OPTION_STRICT_ROUTE) {
		t->has_source_route = 1;
		return 1;
	}
	if (kind == IP4_OPTION_NOP)
		bytes = 1;
	t->at = at + bytes;
	return bytes == 0;
}

/* Whether the sender says which way the packet has to take, which IPv6 cannot say. */
static __noinline int has_source_route(ctx_t *ctx, const struct packet *p)
{
	__u32 bytes = p->l4_offset - sizeof(struct eth_header) - sizeof(struct ip4_header);
	struct translation *t = translation();

	if (!t || !bytes || bytes > IP4_OPTIONS_MAX)
		return 1;
	if (ctx_load(ctx, sizeof(struct eth_header) + sizeof(struct ip4_header), t->options, bytes))
		return 1;
	t->at = 0;
	t->options_bytes = bytes;
	t->has_source_route = 0;
	bpf_loop(IP4_OPTIONS_MAX, look_at_option, NULL, 0);
	return t->has_source_route;
}

/* Whether a packet has a meaning in the other family. */
__noinline int can_translate(ctx_t *ctx, const struct packet *p)
{
	__u32 ip_bytes;

	if (!p || p->fragment != FRAGMENT_NONE)
		return 0;
	ip_bytes = p->l4_offset - sizeof(struct eth_header);
	if (p->family == 4)
		return ip_bytes == sizeof(struct ip4_header) || !has_source_route(ctx, p);
	if (p->total_bytes - ip_bytes > 0xffff - sizeof(struct ip4_header))
		return 0;
	return ip_bytes == sizeof(struct ip6_header) || has_only_options(ctx, p);
}

/* What headers of both families say. */
struct ip_fields {
	__u16 content_bytes;
	__u8 tos;
	__u8 ttl;
	__u8 protocol;
};

/* An IPv4 header without options. */
static __always_inline void write_ip4(struct ip4_header *ip, struct ip_fields fields, __be32 src,
				      __be32 dst)
{
	__u64 sum;

	ip->version_ihl = 0x45;
	ip->tos = fields.tos;
	ip->total_length = bpf_htons(sizeof(*ip) + fields.content_bytes);
	ip->id = 0;
	ip->fragment = bpf_htons(IP_DF);
	ip->ttl = fields.ttl;
	ip->protocol = fields.protocol;
	ip->src = src;
	ip->dst = dst;
	sum = (__u64)src + dst + ip->total_length + ip->fragment;
	sum += *(__u16 *)&ip->version_ihl;
	sum += *(__u16 *)&ip->ttl;
	ip->checksum = ~csum_fold(sum);
}

/* An IPv6 header without a flow label. */
static __always_inline void write_ip6(struct ip6_header *ip, struct ip_fields fields,
				      const struct addr16 *src, const struct addr16 *dst)
{
	ip->version_class_label = bpf_htonl(0x60000000 | (__u32)fields.tos << 20);
	ip->payload_length = bpf_htons(fields.content_bytes);
	ip->next = fields.protocol;
	ip->hop_limit = fields.ttl;
	__builtin_memcpy(ip->src, src, sizeof(ip->src));
	__builtin_memcpy(ip->dst, dst, sizeof(ip->dst));
}

/* Gives a datagram that came without a checksum one. The packet is an IPv6 one already. */
static __noinline int add_checksum(ctx_t *ctx, const struct packet *p, const struct l4_flow *flow)
{
	struct summing s = { .ctx = ctx, .offset = p->l4_offset };
	__u32 content = p->total_bytes - sizeof(struct ip6_header);
	struct udp_header udp;
	__u16 checksum;

	if (ctx_load(ctx, p->l4_offset, &udp, sizeof(udp)))
		return L4_DROP_HELPER_ERROR;
	s.left = bpf_ntohs(udp.length);
	if (s.left < sizeof(udp) || s.left > content)
		return L4_DROP_BAD_HEADER;
	s.sum = sum_address(&flow->new_src) + sum_address(&flow->new_dst) + udp.length +
		bpf_htons(IPPROTO_UDP);
	if (sum_packet(&s))
		return L4_DROP_HELPER_ERROR;
	checksum = ~csum_fold(s.sum);
	if (!checksum)
		checksum = 0xffff;
	return ctx_store(ctx, p->l4_offset + __builtin_offsetof(struct udp_header, checksum), &checksum,
			 sizeof(checksum)) ?
		       L4_DROP_HELPER_ERROR :
		       0;
}

/* Whether a datagram says that it has no checksum. */
static __always_inline int lacks_checksum(ctx_t *ctx, const struct packet *p)
{
	__u16 checksum = 1;

	if (p->family != 4 || p->key.protocol != IPPROTO_UDP)
		return 0;
	ctx_load(ctx, p->l4_offset + __builtin_offsetof(struct udp_header, checksum), &checksum,
		 sizeof(checksum));
	return !checksum;
}

/* Of the packet that leaves: one hop further. */
static __always_inline struct ip_fields ip_fields(const struct packet *p, __u8 protocol)
{
	return (struct ip_fields){
		.content_bytes = p->total_bytes + sizeof(struct eth_header) - p->l4_offset,
		.tos = p->tos,
		.ttl = p->ttl - 1,
		.protocol = protocol,
	};
}

/* Makes a packet one of the other family, whose header the caller writes. */
static __always_inline int change_family(ctx_t *ctx, struct packet *p, __u8 family)
{
	int gained = translation_bytes(p);

	if (ctx_change_family(ctx, family == 6, gained))
		return -1;
	p->total_bytes += gained;
	p->l4_offset += gained;
	p->family = family;
	return 0;
}

static __noinline int translate_to4(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	struct translation *t = translation();

	if (!t)
		return -1;
	write_ip4(&t->ip4, ip_fields(p, p->key.protocol), flow->new_src.words[3],
		  flow->new_dst.words[3]);
	if (change_family(ctx, p, 4))
		return -1;
	return ctx_put(ctx, sizeof(struct eth_header), &t->ip4, sizeof(t->ip4));
}

static __noinline int translate_to6(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	struct translation *t = translation();

	if (!t)
		return -1;
	write_ip6(&t->ip6, ip_fields(p, p->key.protocol), &flow->new_src, &flow->new_dst);
	if (change_family(ctx, p, 6))
		return -1;
	return ctx_put(ctx, sizeof(struct eth_header), &t->ip6, sizeof(t->ip6));
}

/* What the addresses change in the pseudo header: the ::ffff before those of IPv4 adds nothing, as all ones are
 * zero. Length and protocol add the same in both families. */
static __noinline __u64 addresses_replaced(const struct packet *p, const struct l4_flow *flow)
{
	__u64 replaced = 0;
	int i;

#pragma unroll
	for (i = 0; i < 4; i++)
		replaced += csum_replaced(p->key.src.words[i], flow->new_src.words[i]) +
			    csum_replaced(p->key.dst.words[i], flow->new_dst.words[i]);
	return replaced;
}

/*
 * Puts a packet of a NAT64 flow into the other family; its record then describes the new packet, except for
 * the tuple, which stays the one it came with. Returns a drop reason, 0 when it is done.
 */
__noinline int translate(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	int needs_checksum;
	__u64 replaced;

	if (!p || !flow)
		return L4_DROP_HELPER_ERROR;
	if (!can_translate(ctx, p))
		return L4_DROP_XLAT_UNSUPPORTED;
	if (unlikely(flow->flags & L4_FLOW_SEQ_ADJUSTED) && adjust_sequence(ctx, p, flow))
		return L4_DROP_HELPER_ERROR;
	needs_checksum = lacks_checksum(ctx, p);
	replaced = addresses_replaced(p, flow);
	if (p->family == 6 ? translate_to4(ctx, p, flow) : translate_to6(ctx, p, flow))
		return L4_DROP_HELPER_ERROR;
	if (rewrite_l4(ctx, p, flow, replaced))
		return L4_DROP_HELPER_ERROR;
	return unlikely(needs_checksum) ? add_checksum(ctx, p, flow) : 0;
}

#endif
