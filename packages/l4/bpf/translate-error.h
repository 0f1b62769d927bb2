/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * NAT64: ICMP errors about packets of translated flows, in the family of the one who sent the packet that is
 * quoted (RFC 7915, 4.2 and 5.2). Both headers are made anew; of the checksum the difference is taken, so that a
 * damaged error stays one. The pointer of a parameter problem is left out.
 */
#ifndef BALANCER_L4_TRANSLATE_ERROR_H
#define BALANCER_L4_TRANSLATE_ERROR_H

#include "translate.h"

/* Types of errors, and their codes that say the same in both families. */
#define ERROR4_UNREACHABLE 3
#define ERROR4_TIME_EXCEEDED 11
#define ERROR4_PARAMETER_PROBLEM 12
#define ERROR6_UNREACHABLE 1
#define ERROR6_TOO_BIG 2
#define ERROR6_TIME_EXCEEDED 3
#define ERROR6_PARAMETER_PROBLEM 4
#define CODE4_HOST 1
#define CODE4_PROTOCOL 2
#define CODE4_PORT 3
#define CODE4_TOO_BIG 4
#define CODE4_PROHIBITED 10
#define CODE6_NO_ROUTE 0
#define CODE6_PROHIBITED 1
#define CODE6_PORT 4
/* A next header that the receiver does not know; where that stands in the header. */
#define CODE6_NEXT_HEADER 1
#define POINTER6_NEXT_HEADER 6

#define HEADER_DIFFERENCE ((int)(sizeof(struct ip6_header) - sizeof(struct ip4_header)))

struct front4 {
	struct ip4_header ip;
	struct icmp_header icmp;
	struct ip4_header about;
};

struct front6 {
	struct ip6_header ip;
	struct icmp_header icmp;
	struct ip6_header about;
};

/* An error as it came and as it goes. Behind what find_route keeps in the same place. */
struct error_translation {
	struct route_answer route;
	union {
		struct front4 from4;
		struct front6 from6;
	};
	union {
		struct front4 to4;
		struct front6 to6;
	};
};

/* Bytes that an error gains: both headers are of the other family. */
static __always_inline int error_bytes_gained(const struct packet *p)
{
	return translation_bytes(p) + (p->family == 4 ? HEADER_DIFFERENCE : -HEADER_DIFFERENCE);
}

/* The error in IPv4 that says the same; returns whether there is one. */
static __always_inline int error_to4(const struct icmp_header *from, struct icmp_header *to)
{
	__u32 mtu = bpf_ntohl(from->rest);

	*to = (struct icmp_header){ .type = ERROR4_UNREACHABLE };
	switch (from->type) {
	case ERROR6_UNREACHABLE:
		if (from->code > CODE6_PORT)
			return 0;
		to->code = from->code == CODE6_PORT	    ? CODE4_PORT :
			   from->code == CODE6_PROHIBITED ? CODE4_PROHIBITED :
							    CODE4_HOST;
		return 1;
	case ERROR6_TOO_BIG:
		/* No IPv6 network carries less than 1280 bytes. */
		if (mtu < MTU6_MIN)
			mtu = MTU6_MIN;
		mtu -= HEADER_DIFFERENCE;
		to->code = CODE4_TOO_BIG;
		to->rest = bpf_htonl(mtu < 0xffff ? mtu : 0xffff);
		return 1;
	case ERROR6_TIME_EXCEEDED:
		to->type = ERROR4_TIME_EXCEEDED;
		to->code = from->code;
		return 1;
	default:
		if (from->code == CODE6_NEXT_HEADER)
			to->code = CODE4_PROTOCOL;
		else
			to->type = ERROR4_PARAMETER_PROBLEM;
		return from->code <= CODE6_NEXT_HEADER;
	}
}

/* Codes of "unreachable" in IPv4, as bits: those that say the same as "prohibited", and those that have no
 * meaning in IPv6. */
#define PROHIBITED4 (1 << 9 | 1 << 10 | 1 << 13 | 1 << 15)
#define MEANINGLESS4 (1 << 14)

/* The error in IPv6 that says the same; returns whether there is one. */
static __always_inline int error_to6(const struct icmp_header *from, struct icmp_header *to)
{
	__u32 mtu = (bpf_ntohl(from->rest) & 0xffff) + HEADER_DIFFERENCE;

	*to = (struct icmp_header){ .type = ERROR6_UNREACHABLE };
	switch (from->type) {
	case ERROR4_UNREACHABLE:
		if (from->code > 15 || MEANINGLESS4 >> from->code & 1)
			return 0;
		if (from->code == CODE4_PORT) {
			to->code = CODE6_PORT;
		} else if (from->code == CODE4_PROTOCOL) {
			to->type = ERROR6_PARAMETER_PROBLEM;
			to->code = CODE6_NEXT_HEADER;
			to->rest = bpf_htonl(POINTER6_NEXT_HEADER);
		} else if (from->code == CODE4_TOO_BIG) {
			to->type = ERROR6_TOO_BIG;
			to->rest = bpf_htonl(mtu < MTU6_MIN ? MTU6_MIN : mtu);
		} else {
			to->code = PROHIBITED4 >> from->code & 1 ? CODE6_PROHIBITED :
								   CODE6_NO_ROUTE;
		}
		return 1;
	case ERROR4_TIME_EXCEEDED:
		to->type = ERROR6_TIME_EXCEEDED;
		to->code = from->code;
		return 1;
	default:
		to->type = ERROR6_PARAMETER_PROBLEM;
		return from->code == 0 || from->code == 2;
	}
}

/* Sum of a message's ICMP and quoted header. */
static __always_inline __u64 sum_error4(struct front4 *front)
{
	return sum_words(&front->icmp, sizeof(front->icmp)) +
	       sum_words(&front->about, sizeof(front->about));
}

/* The same of IPv6, where the checksum covers the addresses, too. */
static __always_inline __u64 sum_error6(struct front6 *front)
{
	return sum_words(&front->icmp, sizeof(front->icmp)) +
	       sum_words(&front->about, sizeof(front->about)) +
	       sum_words(front->ip.src, sizeof(front->ip.src)) +
	       sum_words(front->ip.dst, sizeof(front->ip.dst)) + front->ip.payload_length +
	       bpf_htons(IPPROTO_ICMPV6);
}

/* The part of the message that is made anew, in IPv4, from the one that came. */
static __noinline int make_error4(ctx_t *ctx, const struct packet *p, const struct l4_flow *flow,
				  struct error_translation *e)
{
	struct front6 *from = &e->from6;
	struct front4 *to = &e->to4;
	struct ip_fields fields = ip_fields(p, IPPROTO_ICMP);
	__be16 came_bytes = bpf_htons(fields.content_bytes);
	__be32 src = flow->new_src.words[3], dst = flow->new_dst.words[3];
	__u16 checksum;
	__u64 sum;

	if (ctx_load(ctx, sizeof(struct eth_header), &from->ip, sizeof(from->ip)) ||
	    ctx_load(ctx, p->l4_offset, &from->icmp, sizeof(from->icmp) + sizeof(from->about)))
		return L4_DROP_HELPER_ERROR;
	if (!error_to4(&from->icmp, &to->icmp))
		return L4_DROP_XLAT_UNSUPPORTED;
	fields.content_bytes -= HEADER_DIFFERENCE;
	write_ip4(&to->ip, fields, src, dst);
	fields.content_bytes = bpf_ntohs(from->about.payload_length);
	fields.tos = bpf_ntohl(from->about.version_class_label) >> 20;
	fields.ttl = from->about.hop_limit;
	fields.protocol = from->about.next;
	write_ip4(&to->about, fields, dst, src);
	checksum = from->icmp.checksum;
	from->icmp.checksum = 0;
	/* Without extension headers, which the sum leaves out. */
	from->ip.payload_length = came_bytes;
	sum = csum_replaced(csum_fold(sum_error6(from)), csum_fold(sum_error4(to)));
	to->icmp.checksum = csum_apply(checksum, sum);
	return 0;
}

/* The same in IPv6. */
static __noinline int make_error6(ctx_t *ctx, const struct packet *p, const struct l4_flow *flow,
				  struct error_translation *e)
{
	struct front4 *from = &e->from4;
	struct front6 *to = &e->to6;
	struct ip_fields fields = ip_fields(p, IPPROTO_ICMPV6);
	__u16 checksum, content_bytes;
	__u64 sum;

	if (ctx_load(ctx, p->l4_offset, &from->icmp, sizeof(from->icmp) + sizeof(from->about)))
		return L4_DROP_HELPER_ERROR;
	content_bytes = bpf_ntohs(from->about.total_length) - sizeof(from->about);
	/* What we send has no options. */
	if (from->about.version_ihl != 0x45 || !error_to6(&from->icmp, &to->icmp))
		return L4_DROP_XLAT_UNSUPPORTED;
	fields.content_bytes += HEADER_DIFFERENCE;
	write_ip6(&to->ip, fields, &flow->new_src, &flow->new_dst);
	fields.content_bytes = content_bytes;
	fields.tos = from->about.tos;
	fields.ttl = from->about.ttl;
	fields.protocol = from->about.protocol;
	write_ip6(&to->about, fields, &flow->new_dst, &flow->new_src);
	checksum = from->icmp.checksum;
	from->icmp.checksum = 0;
	sum = csum_replaced(csum_fold(sum_error4(from)), csum_fold(sum_error6(to)));
	to->icmp.checksum = csum_apply(checksum, sum);
	return 0;
}

/* Puts an error about a packet of a NAT64 flow into the other family. Returns a drop reason, 0 when it is done. */
__noinline int translate_error(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	__u32 zero = 0, ports_at, ports, came_ports;
	struct error_translation *e;
	int reason, to6;

	e = bpf_map_lookup_elem(&l4_work, &zero);
	if (!p || !flow || !e)
		return L4_DROP_HELPER_ERROR;
	if (!can_translate(ctx, p))
		return L4_DROP_XLAT_UNSUPPORTED;
	to6 = p->family == 4;
	reason = to6 ? make_error6(ctx, p, flow, e) : make_error4(ctx, p, flow, e);
	if (reason)
		return reason;
	if (ctx_change_family(ctx, to6, error_bytes_gained(p)))
		return L4_DROP_HELPER_ERROR;
	ports_at = sizeof(struct eth_header) + (to6 ? sizeof(e->to6) : sizeof(e->to4));
	ports = flow->new_dport | (__u32)flow->new_sport << 16;
	if (ctx_load(ctx, ports_at, &came_ports, sizeof(came_ports)))
		return L4_DROP_HELPER_ERROR;
	if (to6)
		e->to6.icmp.checksum = csum_apply(e->to6.icmp.checksum, csum_replaced(came_ports, ports));
	else
		e->to4.icmp.checksum = csum_apply(e->to4.icmp.checksum, csum_replaced(came_ports, ports));
	if (to6 ? ctx_store(ctx, sizeof(struct eth_header), &e->to6, sizeof(e->to6)) :
		  ctx_store(ctx, sizeof(struct eth_header), &e->to4, sizeof(e->to4)))
		return L4_DROP_HELPER_ERROR;
	return ctx_store(ctx, ports_at, &ports, sizeof(ports)) ? L4_DROP_HELPER_ERROR : 0;
}

#endif
