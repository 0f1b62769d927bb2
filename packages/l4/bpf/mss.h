/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The largest segments that clients may send. What backends answer a SYN with holds for the way that is known
 * to them; from here to there it may be shorter, and what tells backends the client's address needs room, too.
 */
#ifndef BALANCER_L4_MSS_H
#define BALANCER_L4_MSS_H

#include "sequence.h"

/* The way to backends when nothing is known of it. */
#define USUAL_MTU 1500
/* What is left is never less than this: a segment has to carry something. */
#define LEAST_MSS 64

/* Lengths of the option with a client's address, and of a header of the PROXY protocol, version 2. */
#define TOA4_BYTES 8
#define TOA6_BYTES 20
#define PROXY4_BYTES 28
#define PROXY6_BYTES 52

/* Bytes that tell backends of a service who the client is. */
static __always_inline __u32 telling_bytes(const struct l4_service *svc, int is_client4)
{
	if (svc->flags & L4_SVC_TOA)
		return is_client4 ? TOA4_BYTES : TOA6_BYTES;
	if (svc->flags & L4_SVC_PROXY)
		return is_client4 ? PROXY4_BYTES : PROXY6_BYTES;
	return 0;
}

/* The largest segment that a client of the service may send over a way of so many bytes (0: the usual ones) in
 * packets of a family, given what the backend itself takes (0: anything). */
static __always_inline __u16 mss_limit(const struct l4_service *svc, int is_client4, __u8 family, __u32 mtu,
				       __u16 own)
{
	__u32 headers = family == 4 ? sizeof(struct ip4_header) : sizeof(struct ip6_header);
	__u32 told = telling_bytes(svc, is_client4), limit = mtu ? mtu : USUAL_MTU;

	headers += sizeof(struct tcp_header);
	/* Its packets lose their longer header on the way; what is answered to them gets it. */
	if (family == 4 && !is_client4)
		told += sizeof(struct ip6_header) - sizeof(struct ip4_header);
	limit = limit > headers ? limit - headers : 0;
	if (own && (own < limit || !mtu))
		limit = own;
	return limit > told + LEAST_MSS ? limit - told : LEAST_MSS;
}

/* The MTU of the way to the backend that a packet came from; 0 when it is not known. */
static __noinline __u32 mtu_to_backend(ctx_t *ctx, struct packet *p, __u32 slot)
{
	struct l4_backend *backend = bpf_map_lookup_elem(&l4_be, &slot);
	struct route_answer *answer = route_answer();

	if (!backend || !answer)
		return 0;
	if (backend->flags & L4_BE_STATIC_L2)
		return backend->mtu;
	p->route.bytes = sizeof(struct ip4_header);
	p->route.on_link = 0;
	/* The answer has the MTU in the place of the length. */
	return find_route(ctx, p, &p->key.dst, &p->key.src) ? 0 : answer->fib.tot_len;
}

/* Lowers the MSS of a backend's SYN-ACK to what the way to the backend takes. */
__noinline int lower_mss(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	__u32 service, at, mtu;
	struct option_work *work;
	struct l4_service *svc;
	__be16 from, to;

	if (!p || !flow)
		return 0;
	service = flow->service;
	svc = bpf_map_lookup_elem(&l4_svc, &service);
	if (!svc)
		return 0;
	mtu = mtu_to_backend(ctx, p, flow->backend);
	work = options_with(ctx, p, OPTION_MSS);
	if (!work || work->end != work->at + sizeof(from))
		return 0;
	at = work->at;
	from = ((struct unaligned16 *)(work->bytes + (at & 63)))->value;
	to = bpf_htons(mss_limit(svc, is_v4_mapped(&flow->new_dst), p->family, mtu, bpf_ntohs(from)));
	if (bpf_ntohs(to) >= bpf_ntohs(from) ||
	    ctx_replace(ctx, p->l4_offset + sizeof(struct tcp_header) + at, &to, sizeof(to)))
		return 0;
	return ctx_fix_tcp(ctx, p, changed_at(at, from, to));
}

#endif
