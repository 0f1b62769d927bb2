/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Answers to packets that are larger than the way they have to go: "fragmentation needed" (RFC 792, RFC
 * 1191) and "packet too big" (RFC 4443), in the name of the service, so that senders make them smaller.
 */
#ifndef BALANCER_L4_TOO_BIG_H
#define BALANCER_L4_TOO_BIG_H

#include "reject.h"

/* What is quoted of an IPv4 packet: its header and the next 28 bytes. */
#define QUOTED4_BYTES 48
/* An IPv6 error is as long as every way allows, 1280 bytes. A packet that is not even that long fits. */
#define QUOTED6_BYTES (1280 - (int)sizeof(struct ip6_header) - (int)sizeof(struct icmp_header))
/* bpf_csum_diff takes at most 512 bytes at a time before Linux 6.13. */
#define SUM_BYTES 308

struct too_big4 {
	struct ip4_header ip;
	struct icmp_header icmp;
	__u8 about[QUOTED4_BYTES];
};

struct too_big6 {
	struct ip6_header ip;
	struct icmp_header icmp;
	__u8 about[QUOTED6_BYTES];
};

/* The kernel finishes the checksum of the quoted segment, if it was unfinished: what it will write has to
 * be part of the error's own checksum. sum is that of the quotation, whose IP header adds up to ip_sum.
 * Returns what changes. */
static __always_inline __u64 finishing(__u64 sum, __u64 ip_sum, __u16 unfinished)
{
	__u16 finished = ~csum_fold(sum + (__u16)~csum_fold(ip_sum));

	return csum_replaced(unfinished, finished);
}

static __noinline int too_big4(ctx_t *ctx, struct packet *p, const struct addr16 *source, __u16 mtu,
			       const struct macs *macs)
{
	__u32 zero = 0, room = sizeof(struct too_big4) - QUOTED4_BYTES;
	struct too_big4 *answer = bpf_map_lookup_elem(&l4_work, &zero);
	__u32 at = sizeof(struct ip4_header) + checksum_offset(p);
	__u64 sum;

	if (!answer || ctx_load(ctx, sizeof(struct eth_header), answer->about, QUOTED4_BYTES))
		return drop(p, L4_DROP_HELPER_ERROR);
	fill_ip4(&answer->ip, p, sizeof(*answer), IPPROTO_ICMP);
	answer->ip.src = source->words[3];
	answer->ip.checksum = 0;
	answer->ip.checksum = ~csum_fold(sum_words(&answer->ip, sizeof(answer->ip)));
	answer->icmp = (struct icmp_header){ .type = 3, .code = 4, .rest = bpf_htonl(mtu) };
	sum = sum_words(answer->about, QUOTED4_BYTES);
	if (ctx_checksum_is_unfinished(ctx, sizeof(struct eth_header) + at))
		sum += finishing(sum, sum_words(answer->about, sizeof(struct ip4_header)),
				 *(__u16 *)(answer->about + at));
	answer->icmp.checksum = ~csum_fold(sum + sum_words(&answer->icmp, sizeof(answer->icmp)));
	if (ctx_resize(ctx, sizeof(struct eth_header) + QUOTED4_BYTES) || ctx_make_room(ctx, room) ||
	    ctx_store(ctx, sizeof(struct eth_header), answer, room))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, macs);
}

static __noinline int too_big6(ctx_t *ctx, struct packet *p, const struct addr16 *source, __u16 mtu,
			       const struct macs *macs)
{
	__u32 zero = 0, room = sizeof(struct too_big6) - QUOTED6_BYTES;
	struct too_big6 *answer = bpf_map_lookup_elem(&l4_work, &zero);
	__u32 at = sizeof(struct ip6_header) + checksum_offset(p);
	__u64 sum = 0;
	int i;

	if (!answer || ctx_load(ctx, sizeof(struct eth_header), answer->about, QUOTED6_BYTES))
		return drop(p, L4_DROP_HELPER_ERROR);
	fill_ip6(&answer->ip, p, sizeof(*answer), IPPROTO_ICMPV6);
	__builtin_memcpy(answer->ip.src, source, sizeof(answer->ip.src));
	answer->icmp = (struct icmp_header){ .type = 2, .rest = bpf_htonl(mtu) };
#pragma unroll
	for (i = 0; i < QUOTED6_BYTES / SUM_BYTES; i++)
		sum += sum_words(answer->about + i * SUM_BYTES, SUM_BYTES);
	if (ctx_checksum_is_unfinished(ctx, sizeof(struct eth_header) + at))
		sum += finishing(sum, sum_words(answer->about, sizeof(struct ip6_header)),
				 *(__u16 *)(answer->about + at));
	sum += sum_address(source) + sum_address(&p->key.src) +
	       bpf_htons(sizeof(*answer) - sizeof(answer->ip)) + bpf_htons(IPPROTO_ICMPV6);
	answer->icmp.checksum = ~csum_fold(sum + sum_words(&answer->icmp, sizeof(answer->icmp)));
	if (ctx_resize(ctx, sizeof(struct eth_header) + QUOTED6_BYTES) || ctx_make_room(ctx, room) ||
	    ctx_store(ctx, sizeof(struct eth_header), answer, room))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, macs);
}

/*
 * Answers a packet that is too big for the way it has to go, in the name of source. Packets that routers
 * may fragment are dropped without an answer, as are those with IP options or extension headers.
 */
__noinline int answer_too_big(ctx_t *ctx, struct packet *p, const struct addr16 *source)
{
	struct l4_scratch *s = scratch();
	struct macs macs;
	__be16 fragment;
	__u32 ip_bytes;
	__u16 mtu;

	if (!p || !source || !s)
		return VERDICT_DROP;
	drop(p, L4_DROP_TOO_BIG);
	if (p->family == 4 &&
	    (ctx_load(ctx, sizeof(struct eth_header) + __builtin_offsetof(struct ip4_header, fragment),
		      &fragment, sizeof(fragment)) ||
	     !(fragment & bpf_htons(IP_DF))))
		return VERDICT_DROP;
	drop(p, L4_DROP_FRAG_NEEDED);
	ip_bytes = p->family == 4 ? sizeof(struct ip4_header) : sizeof(struct ip6_header);
	mtu = p->route.mtu - p->route.overhead;
	/* No IPv6 sender goes below that. */
	if (p->family == 6 && mtu < MTU6_MIN)
		mtu = MTU6_MIN;
	if (p->l4_offset != sizeof(struct eth_header) + ip_bytes ||
	    p->total_bytes < (p->family == 4 ? QUOTED4_BYTES : QUOTED6_BYTES) ||
	    ctx_load(ctx, 0, &macs, sizeof(macs)) || !may_answer(s, now_ns()))
		return VERDICT_DROP;
	return p->family == 4 ? too_big4(ctx, p, source, mtu, &macs) :
				too_big6(ctx, p, source, mtu, &macs);
}

#endif
