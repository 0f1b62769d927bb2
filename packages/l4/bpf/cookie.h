/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * SYN cookies (D. J. Bernstein, 1996): the number of a SYN-ACK says everything that has to be known when the
 * client acknowledges it, and carries a code that only we can compute. From the top: 5 bits of the key's
 * slot, 3 of the client's MSS, 4 of the scale of its windows, 1 of SACK, and 19 bits of the code.
 */
#ifndef BALANCER_L4_COOKIE_H
#define BALANCER_L4_COOKIE_H

#include "ctx.h"
#include "flow.h"
#include "siphash.h"

#define COOKIE_SLOT_SHIFT 27
#define COOKIE_MSS_SHIFT 24
#define COOKIE_SCALE_SHIFT 20
#define COOKIE_SACK (1U << 19)
#define COOKIE_CODE_MASK (COOKIE_SACK - 1)
/* The client does not scale its windows. */
#define COOKIE_UNSCALED 15

/* What a client said in its SYN. */
struct handshake {
	__u32 mss;
	__u32 scale; /* or COOKIE_UNSCALED */
	__u32 sack;
};

/* The MSS of an index: the largest of these that is not above the client's stands for it. */
static __always_inline __u32 cookie_mss(__u32 index)
{
	switch (index) {
	case 0:
		return 536;
	case 1:
		return 1220;
	case 2:
		return 1300;
	case 3:
		return 1360;
	case 4:
		return 1400;
	case 5:
		return 1440;
	case 6:
		return 1452;
	default:
		return 1460;
	}
}

static __always_inline __u32 mss_index(__u32 mss)
{
	__u32 index = 0, i;

#pragma unroll
	for (i = 1; i < 8; i++)
		if (mss >= cookie_mss(i))
			index = i;
	return index;
}

static __always_inline __u64 half_address(const struct addr16 *address, int half)
{
	return address->words[2 * half] | (__u64)address->words[2 * half + 1] << 32;
}

/* The code of a cookie: of the tuple of the client's packets, the number of its SYN, and the rest of the
 * cookie. */
static __noinline __u32 cookie_code(const struct l4_cookie_key *key, const struct l4_flow_key *tuple,
				    __u32 isn, __u32 cookie)
{
	__u64 ports = tuple->sport | (__u32)tuple->dport << 16;
	struct siphash hash;

	siphash_begin(&hash, key->k0, key->k1);
	siphash_word(&hash, half_address(&tuple->src, 0));
	siphash_word(&hash, half_address(&tuple->src, 1));
	siphash_word(&hash, half_address(&tuple->dst, 0));
	siphash_word(&hash, half_address(&tuple->dst, 1));
	siphash_word(&hash, ports | (__u64)bpf_htonl(isn) << 32);
	return siphash_end(&hash, bpf_htons(cookie >> 19), 42) & COOKIE_CODE_MASK;
}

/* The key of new cookies; NULL before the control plane has made one. */
static __always_inline struct l4_cookie_key *newest_cookie_key(void)
{
	__u32 even = 0, odd = 1;
	struct l4_cookie_key *a = bpf_map_lookup_elem(&l4_cookie, &even);
	struct l4_cookie_key *b = bpf_map_lookup_elem(&l4_cookie, &odd);

	if (!a || !b)
		return NULL;
	if (a->slot < b->slot)
		a = b;
	return a->slot ? a : NULL;
}

/* The cookie for a client's SYN. */
static __always_inline __u32 make_cookie(const struct l4_cookie_key *key, const struct l4_flow_key *tuple,
					 __u32 isn, const struct handshake *said)
{
	__u32 cookie = key->slot << COOKIE_SLOT_SHIFT | mss_index(said->mss) << COOKIE_MSS_SHIFT |
		       said->scale << COOKIE_SCALE_SHIFT;

	if (said->sack)
		cookie |= COOKIE_SACK;
	return cookie | cookie_code(key, tuple, isn, cookie);
}

/* What the client said whom a cookie was made for. */
static __always_inline void read_cookie(__u32 cookie, struct handshake *said)
{
	said->mss = cookie_mss(cookie >> COOKIE_MSS_SHIFT & 7);
	said->scale = cookie >> COOKIE_SCALE_SHIFT & 15;
	said->sack = cookie & COOKIE_SACK;
}

/*
 * Whether a segment without a flow acknowledges a SYN-ACK of ours, of this stretch of time or the one
 * before. The cookie and the number of the client's SYN are in the scratch record then.
 */
__noinline int accept_cookie(ctx_t *ctx, const struct packet *p)
{
	struct l4_scratch *s = scratch();
	struct l4_cookie_key *key;
	struct tcp_header tcp;
	__u32 cookie, isn, index;

	if (!p || !s || ctx_load(ctx, p->l4_offset, &tcp, sizeof(tcp)))
		return 0;
	cookie = bpf_ntohl(tcp.ack) - 1;
	index = cookie >> COOKIE_SLOT_SHIFT & 1;
	key = bpf_map_lookup_elem(&l4_cookie, &index);
	if (!key || !key->slot || (key->slot & 31) != cookie >> COOKIE_SLOT_SHIFT)
		return 0;
	isn = bpf_ntohl(tcp.seq) - 1;
	if (cookie_code(key, &p->key, isn, cookie) != (cookie & COOKIE_CODE_MASK)) {
		/* Who asks again whether our window has opened repeats the number before (RFC 9293, 3.8.6.1):
		 * all that is left when the first acknowledgement was lost. */
		isn++;
		if (content_bytes(p) ||
		    cookie_code(key, &p->key, isn, cookie) != (cookie & COOKIE_CODE_MASK))
			return 0;
	}
	s->cookie = cookie;
	s->isn_c = isn;
	return 1;
}

#endif
